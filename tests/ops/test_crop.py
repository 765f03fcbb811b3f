from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.crop import Crop
from framesrv.ops.rules import MAX_SIDE
from framesrv.ops.step import Form
from framesrv.testing.op_contract import OpContract, apply, noise

FORM = Form(20, 12, PixelFormat.BGR24)


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Crop]:
        def of(x: int, y: int) -> st.SearchStrategy[Crop]:
            widths, heights = st.integers(1, form.width - x), st.integers(1, form.height - y)
            return st.builds(Crop, st.just(x), st.just(y), widths, heights)

        corners = st.tuples(st.integers(0, form.width - 1), st.integers(0, form.height - 1))
        return corners.flatmap(lambda corner: of(*corner))


def test_it_is_the_part_that_numpy_slices() -> None:
    src = noise(FORM)
    np.testing.assert_array_equal(apply(Crop(3, 5, 7, 2), src, FORM), src[5:7, 3:10])
    assert Crop(3, 5, 7, 2).step(FORM).form == Form(7, 2, PixelFormat.BGR24)


def test_the_whole_frame_is_nothing_to_do() -> None:
    step = Crop(0, 0, 20, 12).step(FORM)
    assert (step.form, step.work, step.view) == (FORM, None, None)


@pytest.mark.parametrize("crop", [Crop(0, 0, 21, 12), Crop(1, 0, 20, 12), Crop(0, 12, 1, 1)])
def test_outside_the_frame_is_refused_with_both_sizes(crop: Crop) -> None:
    assert crop.faults() == []
    with pytest.raises(Refused, match=f"{crop.width}x{crop.height} at .* 20x12") as caught:
        crop.step(FORM)
    assert caught.value.reason is Reason.BAD_GEOMETRY


@pytest.mark.parametrize(
    ("crop", "field"),
    [
        (Crop(0, 0, 0, 1), "width"),
        (Crop(0, 0, 1, 0), "height"),
        (Crop(0, 0, MAX_SIDE + 1, 1), "width"),
        (Crop(-1, 0, 1, 1), "x"),
        (Crop(0, 2**32 - 1, 1, 1), "y"),
    ],
)
def test_faults(crop: Crop, field: str) -> None:
    assert [fault.field for fault in crop.faults()] == [field]
