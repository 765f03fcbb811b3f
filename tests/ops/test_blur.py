from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.frames.layout import PixelFormat
from framesrv.ops.blur import Blur, kernel_taps
from framesrv.ops.step import Form, Pixels
from framesrv.testing.op_contract import FORMS, OpContract, apply, noise


class TestContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Blur]:
        return st.builds(Blur, st.floats(0, 6, width=32))


def _blurred(src: Pixels, sigma: float) -> npt.NDArray[np.float64]:
    """By hand: a sampled Gaussian three sigma wide, the frame mirrored without its edge twice."""
    radius = kernel_taps(sigma) // 2
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma * sigma))
    weights /= weights.sum()
    result = src.astype(np.float64)
    for axis in (0, 1):
        side = result.shape[axis]
        padding = [(0, 0)] * result.ndim
        padding[axis] = (radius, radius)
        padded = np.pad(result, padding, mode="reflect" if side > 1 else "edge")
        result = sum(
            weight * np.take(padded, range(tap, tap + side), axis)
            for tap, weight in enumerate(weights)
        )
    return result


@given(form=FORMS, sigma=st.floats(0.1, 3))
def test_it_is_the_convolution_within_3(form: Form, sigma: float) -> None:
    """OpenCV rounds its weights to 8 bits, and where a small frame is mirrored often they add."""
    src = noise(form)
    assert np.abs(apply(Blur(sigma), src, form) - _blurred(src, sigma)).max() <= 3


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0])
def test_it_is_the_convolution_within_2_where_the_frame_is_larger_than_the_kernel(
    sigma: float,
) -> None:
    form = Form(64, 48, PixelFormat.BGR24)
    src = noise(form)
    assert np.abs(apply(Blur(sigma), src, form) - _blurred(src, sigma)).max() <= 2


def test_an_even_frame_stays_as_it_is_at_the_greatest_sigma() -> None:
    form = Form(9, 7, PixelFormat.RGBA32)
    src = np.full(form.shape, 255, np.uint8)
    assert (apply(Blur(25), src, form) == 255).all()


@pytest.mark.parametrize(("sigma", "works"), [(0, False), (1 / 12, True), (0.083, False)])
def test_a_kernel_of_one_tap_is_nothing_to_do(sigma: float, works: bool) -> None:
    assert (Blur(sigma).step(Form(4, 4, PixelFormat.BGR24)).work is not None) is works


@pytest.mark.parametrize("sigma", [-0.1, math.nan, math.inf, -math.inf, 25.1, None, "1"])
def test_faults(sigma: Any) -> None:
    (fault,) = Blur(sigma).faults()
    assert (fault.field, fault.allowed) == ("sigma", "a number from 0 to 25")
