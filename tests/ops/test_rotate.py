from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.ops.rotate import Rotate
from framesrv.ops.step import Form
from framesrv.testing.op_contract import FORMS, OpContract, apply, noise

DEGREES = (90, 180, 270)


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Rotate]:
        return st.builds(Rotate, st.sampled_from(DEGREES))


@given(form=FORMS, degrees=st.sampled_from(DEGREES))
def test_it_turns_clockwise_as_numpy_does(form: Form, degrees: int) -> None:
    src = noise(form)
    turned = np.rot90(src, k=-degrees // 90)
    np.testing.assert_array_equal(apply(Rotate(degrees), src, form), turned)
    assert Rotate(degrees).step(form).form.shape == turned.shape


@pytest.mark.parametrize("degrees", [0, 1, 45, 360, -90, 2**32 - 1, None, []])
def test_faults(degrees: Any) -> None:
    (fault,) = Rotate(degrees).faults()
    assert (fault.field, fault.allowed) == ("degrees", "90, 180 or 270")
