"""Raw images against arithmetic written down here, at any stride."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.codecs import Limits, raw_form, raw_is_bgr, raw_to_bgr, raw_view
from framesrv.errors import InvalidRecord, Reason, Refused
from framesrv.frames import ImageLayout, PixelFormat
from framesrv.testing.codec_pictures import CHANNELS, Pixels
from tests.codecs.files import traced

F = PixelFormat


@st.composite
def images(draw: st.DrawFn) -> tuple[ImageLayout, bytes]:
    pixel_format = draw(st.sampled_from([f for f in F if f is not F.UNSPECIFIED]))
    planar = pixel_format in (F.NV12, F.I420)
    step = 2 if planar else 1
    width, height = (draw(st.integers(1, 40)) * step for _ in range(2))
    row = width * CHANNELS.get(pixel_format, 1)
    odd = 0 if pixel_format is F.I420 else 1
    stride = draw(st.sampled_from([0, row, row + 2 + odd, row + 34]))
    layout = ImageLayout(width, height, pixel_format, stride)
    noise = np.random.default_rng(draw(st.integers(0, 99)))
    return layout, noise.bytes(layout.data_bytes)


def converted(layout: ImageLayout, data: bytes) -> Pixels:
    """Over two backgrounds: what shows through was not written."""
    results = []
    for background in (0x00, 0xFF):
        out = np.full((layout.height, layout.width, 3), background, np.uint8)
        raw_to_bgr(layout, memoryview(data), out)
        results.append(out)
    assert np.array_equal(results[0], results[1])
    return results[0]


def planes(layout: ImageLayout, data: bytes) -> tuple[Pixels, Pixels, Pixels]:
    width, height, stride = layout.width, layout.height, layout.stride_bytes
    whole = np.frombuffer(data, np.uint8)
    luma, chroma = whole[: height * stride], whole[height * stride :]
    y = luma.reshape(height, stride)[:, :width]
    if layout.format is F.NV12:
        pairs = chroma.reshape(height // 2, stride)[:, :width]
        return y, pairs[:, ::2], pairs[:, 1::2]
    u, v = chroma.reshape(2, height // 2, stride // 2)[..., : width // 2]
    return y, u, v


@given(images())
def test_every_format_is_converted_at_every_stride(image: tuple[ImageLayout, bytes]) -> None:
    layout, data = image
    form = raw_form(layout, len(data), Limits())
    assert (form.width, form.height, form.format) == (layout.width, layout.height, layout.format)
    got = converted(layout, data)
    if layout.is_planar:
        assert np.abs(got - by_bt601(layout, data)).max() <= 2
        return
    view = raw_view(layout, memoryview(data))
    order = {F.BGR24: [0, 1, 2], F.BGRA32: [0, 1, 2], F.GRAY8: [0, 0, 0]}
    channels = view[..., None] if view.ndim == 2 else view
    wanted = channels[..., order.get(F(layout.format), [2, 1, 0])]
    assert np.array_equal(got, wanted)


def by_bt601(layout: ImageLayout, data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Limited range: black is 16, white 235, no colour 128."""
    y, u, v = (plane.astype(np.float64) for plane in planes(layout, data))
    u, v = (np.repeat(np.repeat(p, 2, 0), 2, 1) - 128 for p in (u, v))
    light = np.maximum(y - 16, 0) * 255 / 219
    red = light + 1.596 * v
    green = light - 0.813 * v - 0.391 * u
    blue = light + 2.018 * u
    return np.clip(np.dstack([blue, green, red]), 0, 255)


@given(images())
def test_a_view_shows_the_payload_and_copies_nothing(image: tuple[ImageLayout, bytes]) -> None:
    layout, data = image
    for payload in (memoryview(data), memoryview(bytearray(data))):
        if layout.is_planar:
            with pytest.raises(InvalidRecord):
                raw_view(layout, payload)
            continue
        view = raw_view(layout, payload)
        assert not view.flags.writeable
        assert view.shape == layout.array_shape
        assert np.shares_memory(view, np.frombuffer(payload, np.uint8))
        row = layout.packed_row_bytes
        for number in range(layout.height):
            start = number * layout.stride_bytes
            assert view[number].tobytes() == data[start : start + row]


def test_only_bgr_needs_no_conversion() -> None:
    assert [f for f in F if raw_is_bgr(ImageLayout(2, 2, f))] == [F.BGR24]


@pytest.mark.parametrize("pixel_format", [F.NV12, F.I420])
def test_black_white_and_grey_of_limited_range(pixel_format: PixelFormat) -> None:
    for luma, grey in ((16, 0), (235, 255), (126, 128), (0, 0), (255, 255)):
        data = bytes([luma]) * 16 + bytes([128]) * 8
        got = converted(ImageLayout(4, 4, pixel_format), data)
        assert np.abs(got.astype(int) - grey).max() <= 1


def test_planar_formats_allocate_little() -> None:
    for pixel_format in (F.NV12, F.I420):
        layout = ImageLayout(1280, 720, pixel_format)
        data = memoryview(bytes(layout.data_bytes))
        out = np.empty((720, 1280, 3), np.uint8)
        _, peak = traced(partial(raw_to_bgr, layout, data, out))
        assert peak < (4096 if pixel_format is F.NV12 else 128 * 1024)


@pytest.mark.parametrize(
    ("layout", "nbytes", "reason"),
    [
        (ImageLayout(2, 2, 99), 12, Reason.UNSUPPORTED_FORMAT),
        (ImageLayout(2, 2, F.UNSPECIFIED), 12, Reason.UNSUPPORTED_FORMAT),
        (ImageLayout(0, 2, 99), 12, Reason.UNSUPPORTED_FORMAT),
        (ImageLayout(0, 2, F.BGR24), 0, Reason.SHAPE_MISMATCH),
        (ImageLayout(3, 2, F.NV12), 9, Reason.SHAPE_MISMATCH),
        (ImageLayout(2, 2, F.BGR24, 5), 10, Reason.SHAPE_MISMATCH),
        (ImageLayout(2, 2, F.BGR24), 11, Reason.SHAPE_MISMATCH),
        (ImageLayout(2, 2, F.BGR24, 8), 14, Reason.SHAPE_MISMATCH),
        (ImageLayout(8193, 1, F.GRAY8), 8193, Reason.IMAGE_TOO_LARGE),
        (ImageLayout(4097, 4096, F.GRAY8), 1, Reason.IMAGE_TOO_LARGE),
        (ImageLayout(2**32 - 1, 2**32 - 1, F.RGBA32), 1, Reason.IMAGE_TOO_LARGE),
    ],
)
def test_what_does_not_fit_is_refused(layout: ImageLayout, nbytes: int, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        raw_form(layout, nbytes, Limits())
    assert refused.value.reason is reason


def test_wrong_lengths_and_buffers_are_the_callers_mistake() -> None:
    layout = ImageLayout(4, 2, F.RGB24)
    with pytest.raises(InvalidRecord):
        raw_view(layout, memoryview(bytes(23)))
    with pytest.raises(InvalidRecord):
        raw_to_bgr(layout, memoryview(bytes(23)), np.empty((2, 4, 3), np.uint8))
    with pytest.raises(ValueError, match="out is"):
        raw_to_bgr(layout, memoryview(bytes(24)), np.empty((4, 2, 3), np.uint8))
