from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from framesrv.errors import InvalidRecord
from framesrv.frames import ImageLayout, PixelFormat
from framesrv.frames.faults import short

F = PixelFormat
INTERLEAVED = (F.BGR24, F.RGB24, F.RGBA32, F.BGRA32, F.GRAY8)
PLANAR = (F.NV12, F.I420)
UINT32_MAX = 2**32 - 1
HUGE = 10**5000  # more digits than Python prints

sides = st.integers(1, 48)
padding = st.integers(0, 9)


def test_the_numbers_are_the_wires() -> None:
    names = ["UNSPECIFIED", "BGR24", "RGB24", "RGBA32", "BGRA32", "GRAY8", "NV12", "I420"]
    assert {f.name: f.value for f in PixelFormat} == {name: i for i, name in enumerate(names)}


@given(width=sides, height=sides, image_format=st.sampled_from(INTERLEAVED), extra=padding)
def test_interleaved_sizes_are_those_of_numpy(
    width: int, height: int, image_format: PixelFormat, extra: int
) -> None:
    """Padded rows are sliced from a wider array, whose own size and strides NumPy computes."""
    channels = {F.GRAY8: 1, F.BGR24: 3, F.RGB24: 3}.get(image_format, 4)
    padded = np.zeros((height, width * channels + extra), np.uint8)
    rows = padded[:, : width * channels]
    shape = (height, width) if channels == 1 else (height, width, channels)
    image = np.lib.stride_tricks.as_strided(rows, shape, (padded.strides[0], *(shape[2:]), 1))
    layout = ImageLayout(width, height, image_format, padded.shape[1] if extra else 0)

    assert layout.channels == channels
    assert layout.packed_row_bytes == rows.shape[1]
    assert layout.stride_bytes == padded.strides[0]
    assert layout.data_bytes == padded.nbytes
    assert layout.array_shape == image.shape
    assert layout.array_strides == image.strides
    over_the_data: Any = np.ndarray(layout.array_shape, np.uint8, padded, 0, layout.array_strides)
    over_the_data[...] = 1
    assert padded.sum() == width * height * channels  # every pixel, and no padding


@given(half_width=sides, half_height=sides, extra=padding, image_format=st.sampled_from(PLANAR))
def test_planar_sizes_are_those_of_their_planes(
    half_width: int, half_height: int, extra: int, image_format: PixelFormat
) -> None:
    extra *= 2 if image_format is F.I420 else 1
    stride = 2 * half_width + extra
    luma = np.zeros((2 * half_height, stride), np.uint8)
    if image_format is F.NV12:
        chroma = [np.zeros((half_height, stride), np.uint8)]
    else:
        chroma = [np.zeros((half_height, stride // 2), np.uint8) for _ in "UV"]
    layout = ImageLayout(2 * half_width, 2 * half_height, image_format, stride if extra else 0)

    assert layout.packed_row_bytes == 2 * half_width
    assert layout.stride_bytes == stride
    assert layout.chroma_stride_bytes == chroma[0].strides[0]
    assert layout.data_bytes == luma.nbytes + sum(plane.nbytes for plane in chroma)
    assert layout.rows * stride == layout.data_bytes


@pytest.mark.parametrize("image_format", PLANAR)
@given(width=sides, height=sides)
def test_planar_formats_need_even_sides(image_format: PixelFormat, width: int, height: int) -> None:
    assume(width % 2 or height % 2)
    layout = ImageLayout(width, height, image_format)
    odd = [name for name, side in (("width", width), ("height", height)) if side % 2]
    assert [fault.field for fault in layout.faults()] == odd
    with pytest.raises(InvalidRecord, match=f"{odd[0]} is .* even in {image_format.name}"):
        _ = layout.data_bytes


def test_the_stride_of_i420_must_have_a_half() -> None:
    with pytest.raises(InvalidRecord, match="row_stride_bytes is 641 and must be even in I420"):
        ImageLayout(640, 360, F.I420, 641).check()
    assert ImageLayout(640, 360, F.NV12, 641).data_bytes == 641 * 540


@given(
    width=sides,
    image_format=st.sampled_from(INTERLEAVED + PLANAR),
    short_by=st.integers(1, 200),
)
def test_a_stride_shorter_than_a_row_is_refused(
    width: int, image_format: PixelFormat, short_by: int
) -> None:
    width *= 2
    row = ImageLayout(width, 2, image_format).packed_row_bytes
    assume(short_by < row)
    layout = ImageLayout(width, 2, image_format, row - short_by)
    assert {fault.field for fault in layout.faults()} == {"row_stride_bytes"}
    with pytest.raises(InvalidRecord, match=f"at least {row}"):
        layout.check()
    ImageLayout(width, 2, image_format, row).check()


@pytest.mark.parametrize("number", [0, 8, 99, -1, None, "BGR24", []])
def test_an_unknown_format_is_told_from_a_wrong_shape(number: Any) -> None:
    layout = ImageLayout(4, 2, number)
    assert [fault.field for fault in layout.faults()] == ["format"]
    with pytest.raises(InvalidRecord, match=r"format is .* BGR24 \(1\), .* I420 \(7\)"):
        layout.check()


def test_a_number_of_the_wire_is_as_good_as_the_name() -> None:
    assert ImageLayout(4, 2, 1) == ImageLayout(4, 2, F.BGR24)
    assert ImageLayout(4, 2, 6).chroma_stride_bytes == 4
    assert ImageLayout(4, 2, 1).array_shape == (2, 4, 3)


@pytest.mark.parametrize("name", ["width", "height", "row_stride_bytes"])
@pytest.mark.parametrize("value", [-1, UINT32_MAX + 1, HUGE, 4.0, None, "4"], ids=short)
def test_what_no_uint32_holds_is_refused(name: str, value: Any) -> None:
    numbers = {"width": 4, "height": 2, "format": F.BGR24, name: value}
    layout = ImageLayout(**numbers)
    assert [fault.field for fault in layout.faults()] == [name]
    with pytest.raises(InvalidRecord, match=f"{name} is .{{1,60}} and must be a whole number"):
        layout.check()


def test_no_side_may_be_zero() -> None:
    assert [f.field for f in ImageLayout(0, 0, F.GRAY8).faults()] == ["width", "height"]


def test_all_faults_come_at_once() -> None:
    with pytest.raises(InvalidRecord, match=r"format .*; width .*; height .*; row_stride_bytes "):
        ImageLayout(0, -1, 8, -2).check()


def test_the_largest_image_that_the_wire_can_say_does_not_overflow() -> None:
    layout = ImageLayout(UINT32_MAX, UINT32_MAX, F.RGBA32)
    assert layout.packed_row_bytes == 4 * UINT32_MAX
    assert layout.data_bytes == 4 * UINT32_MAX**2 > np.iinfo(np.uint64).max
    even = UINT32_MAX - 1
    assert ImageLayout(even, even, F.NV12).data_bytes == even * even * 3 // 2


@example(100)
@given(st.integers(0, 200))
def test_the_data_is_exactly_as_long_as_stride_and_rows_say(nbytes: int) -> None:
    layout = ImageLayout(4, 5, F.BGR24, 20)
    if nbytes == 100:
        layout.check_length(nbytes)
        assert layout.length_fault(nbytes) is None
    else:
        with pytest.raises(InvalidRecord, match=f"is {nbytes} .* 100: 5 rows of 20 bytes"):
            layout.check_length(nbytes)


def test_the_padding_of_the_last_row_is_not_optional() -> None:
    with pytest.raises(InvalidRecord, match="exactly 100"):
        ImageLayout(4, 5, F.BGR24, 20).check_length(4 * 20 + 12)


SIZES = ["packed_row_bytes", "stride_bytes", "chroma_stride_bytes", "rows", "data_bytes"]
SIZES += ["channels", "array_shape", "array_strides"]


@pytest.mark.parametrize("name", SIZES)
def test_no_size_is_derived_from_a_faulty_layout(name: str) -> None:
    for faulty in (
        ImageLayout(4, 0, F.BGR24, 12),
        ImageLayout(4, 3, F.NV12, 4),
        ImageLayout(4, 2, F.BGR24, 11),
        ImageLayout(4, 2, F.UNSPECIFIED, 12),
    ):
        with pytest.raises(InvalidRecord, match="must be"):
            getattr(faulty, name)


@pytest.mark.parametrize("image_format", PLANAR)
@pytest.mark.parametrize("name", ["channels", "array_shape", "array_strides"])
def test_a_planar_image_is_no_single_array(image_format: PixelFormat, name: str) -> None:
    with pytest.raises(InvalidRecord, match=f"{image_format.name}, and .* BGR24, .* GRAY8 only"):
        getattr(ImageLayout(4, 2, image_format), name)


@pytest.mark.parametrize("image_format", INTERLEAVED)
def test_an_interleaved_image_has_no_chroma_rows(image_format: PixelFormat) -> None:
    with pytest.raises(InvalidRecord, match="NV12, I420 only"):
        _ = ImageLayout(4, 2, image_format).chroma_stride_bytes


def test_packed_drops_the_stride_and_shares_what_has_none() -> None:
    layout = ImageLayout(4, 2, F.BGR24, 16)
    assert layout.packed() == ImageLayout(4, 2, F.BGR24)
    assert layout.packed().packed() is not layout
    packed = ImageLayout(4, 2, F.BGR24)
    assert packed.packed() is packed


def test_a_layout_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ImageLayout(4, 2, F.BGR24).width = 5  # type: ignore[misc]
