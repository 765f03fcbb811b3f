from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from framesrv.ops.flip import Flip
from framesrv.ops.step import Form
from framesrv.testing.op_contract import FORMS, OpContract, apply, noise


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Flip]:
        return st.builds(Flip, st.booleans(), st.booleans())


@given(form=FORMS, horizontal=st.booleans(), vertical=st.booleans())
def test_it_mirrors_as_numpy_does(form: Form, horizontal: bool, vertical: bool) -> None:
    src = noise(form)
    expected = src[:, ::-1] if horizontal else src
    expected = expected[::-1] if vertical else expected
    np.testing.assert_array_equal(apply(Flip(horizontal, vertical), src, form), expected)


@given(form=FORMS)
def test_neither_is_nothing_to_do(form: Form) -> None:
    step = Flip().step(form)
    assert (step.form, step.work, step.view) == (form, None, None)
