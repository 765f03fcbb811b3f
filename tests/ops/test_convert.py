from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.convert import Convert
from framesrv.ops.step import Form, Pixels
from framesrv.testing.op_contract import FORMS, INTERLEAVED, OpContract, apply, noise

F = PixelFormat
ORDER = {F.BGR24: "BGR", F.RGB24: "RGB", F.RGBA32: "RGBA", F.BGRA32: "BGRA"}
LUMA = {"R": 0.299, "G": 0.587, "B": 0.114}
EVEN = st.builds(
    Form,
    st.integers(1, 12).map(lambda half: 2 * half),
    st.integers(1, 12).map(lambda h: 2 * h),
    st.sampled_from(INTERLEAVED),
)


class TestInterleavedContract(OpContract):
    def ops(self, form: Form) -> st.SearchStrategy[Convert]:
        return st.builds(Convert, st.sampled_from(INTERLEAVED))


class TestPlanarContract(OpContract):
    def forms(self) -> st.SearchStrategy[Form]:
        return EVEN

    def ops(self, form: Form) -> st.SearchStrategy[Convert]:
        return st.builds(Convert, st.sampled_from([F.NV12, F.I420]))


def _channels(src: Pixels, kind: PixelFormat) -> dict[str, npt.NDArray[np.float64]]:
    wide = src.astype(np.float64)
    if kind is F.GRAY8:
        return dict.fromkeys("RGB", wide)
    return {letter: wide[..., place] for place, letter in enumerate(ORDER[kind])}


def _expected(src: Pixels, source: PixelFormat, target: PixelFormat) -> npt.NDArray[np.float64]:
    channels = _channels(src, source)
    if target is F.GRAY8:
        return sum(weight * channels[letter] for letter, weight in LUMA.items())  # type: ignore[return-value]
    opaque = np.full(src.shape[:2], 255.0)
    return np.stack([channels.get(letter, opaque) for letter in ORDER[target]], axis=-1)


@pytest.mark.parametrize(("source", "target"), list(product(INTERLEAVED, INTERLEAVED)))
def test_every_pair_of_interleaved_formats(source: PixelFormat, target: PixelFormat) -> None:
    form = Form(64, 48, source)
    src = noise(form)
    step = Convert(target).step(form)
    assert step.form == Form(64, 48, target)
    if source is target:
        assert (step.work, step.view) == (None, None)
        return
    result, expected = apply(Convert(target), src, form), _expected(src, source, target)
    if target is F.GRAY8:  # from colour: fixed-point BT.601
        assert np.abs(result - expected).max() <= 1
    else:
        np.testing.assert_array_equal(result, expected)


@given(form=EVEN, target=st.sampled_from([F.NV12, F.I420]))
def test_limited_range_by_its_formula_within_2(form: Form, target: PixelFormat) -> None:
    src = noise(form)
    result = apply(Convert(target), src, form).astype(np.float64)
    height, width = form.height, form.width
    assert result.shape == (height * 3 // 2, width)
    channels = _channels(src, form.format)
    red, green, blue = (channels[letter] for letter in "RGB")
    luma = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    u = 128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255
    v = 128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255
    assert np.abs(result[:height] - luma).max() <= 2

    chroma = result[height:]
    if target is F.NV12:
        planes = np.moveaxis(chroma.reshape(height // 2, width // 2, 2), 2, 0)
    else:
        planes = chroma.reshape(2, height // 2, width // 2)
    assert np.abs(planes[0] - u[::2, ::2]).max() <= 2
    assert np.abs(planes[1] - v[::2, ::2]).max() <= 2


@pytest.mark.parametrize("target", [F.NV12, F.I420])
@pytest.mark.parametrize("sides", [(3, 2), (2, 3), (1, 1)])
def test_odd_sides_have_no_planes(target: PixelFormat, sides: tuple[int, int]) -> None:
    with pytest.raises(Refused, match=f"even sides.*{sides[0]}x{sides[1]}") as caught:
        Convert(target).step(Form(*sides, F.BGR24))
    assert caught.value.reason is Reason.BAD_GEOMETRY


@given(form=FORMS)
def test_a_number_of_the_wire_is_as_good_as_the_name(form: Form) -> None:
    assert Convert(4).step(form).form.format is F.BGRA32


@pytest.mark.parametrize("number", [0, 8, -1, 2**31, None, "BGR24", []])
def test_faults(number: Any) -> None:
    (fault,) = Convert(number).faults()
    assert fault.field == "format"
    assert fault.allowed.startswith("one of BGR24 (1), ")
    assert "UNSPECIFIED" not in fault.allowed
