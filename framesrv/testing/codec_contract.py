"""What every decoder and every encoder promises. Subclass, and say how to make a file or read
one.

The files are made and read by Pillow: what is promised must hold against other people's code.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from framesrv.codecs import (
    Header,
    Limits,
    decode,
    decode_scratch,
    decoded_size,
    encode,
    encode_scratch,
    inspect,
    orient_step,
)
from framesrv.errors import Reason, Refused
from framesrv.frames import Codec, Encoding, PixelFormat
from framesrv.frames.form import Form
from framesrv.pool.scratch import ScratchBytesIO

Pixels = npt.NDArray[np.uint8]

# What hostile bytes may be answered with, and nothing else.
REFUSALS = frozenset(
    {
        Reason.IMAGE_CORRUPT,
        Reason.IMAGE_TOO_LARGE,
        Reason.TOO_MANY_SCANS,
        Reason.UNSUPPORTED_PAYLOAD,
    }
)
_SHARED = settings(suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow])
CHANNELS = {
    PixelFormat.BGR24: 3,
    PixelFormat.RGB24: 3,
    PixelFormat.RGBA32: 4,
    PixelFormat.BGRA32: 4,
    PixelFormat.GRAY8: 1,
}


def scene(width: int, height: int, channels: int = 3) -> Pixels:
    """A smooth picture with no symmetry: a lossy codec keeps it, and turning it shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(63, width - 1), y / max(63, height - 1)
    planes = [40 + 180 * u, 30 + 190 * v, 60 + 120 * u * v, 90 + 150 * (1 - u) * v]
    return np.dstack(planes[:channels]).astype(np.uint8)


def distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """How far apart two pictures are, on average over their bytes."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def decoded_twice(
    header: Header, payload: memoryview, size: tuple[int, int] | None = None
) -> Pixels:
    """Decode over two different backgrounds: what shows through was not written."""
    width, height = size or (header.width, header.height)
    shape = decode_scratch(header, width, height)
    results = []
    for background in (0x00, 0xFF):
        out = np.full((height, width, 3), background, np.uint8)
        scratch = None if shape is None else np.full(shape, background, np.uint8)
        decode(header, payload, out, scratch)
        results.append(out)
    assert np.array_equal(results[0], results[1])
    return results[0]


def with_pillow(data: bytes) -> Pixels:
    """The upright BGR picture, alpha left out."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        upright = upright.convert("RGBA") if upright.mode in ("P", "PA") else upright
        return np.ascontiguousarray(np.asarray(upright.convert("RGB"))[..., ::-1])


def exif_with(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


class DecoderContract(ABC):
    codec: Codec
    tolerance: float  # of ``distance``, against Pillow's pixels

    @abstractmethod
    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        """A file of these BGR pixels."""

    @property
    def sample(self) -> bytes:
        return self.make(scene(61, 43))

    @pytest.mark.parametrize("size", [(1, 1), (2, 3), (16, 16), (61, 43), (257, 130)])
    def test_the_header_and_the_pixels_are_those_of_pillow(self, size: tuple[int, int]) -> None:
        data = self.make(scene(*size))
        for stated in (Codec.UNSPECIFIED, self.codec):
            header = inspect(memoryview(data), stated, Limits())
            assert (header.codec, header.width, header.height) == (self.codec, *size)
            assert decoded_size(header, 0, 0, False) == decoded_size(header, 1, 1, True) == size
        assert (
            distance(decoded_twice(header, memoryview(data)), with_pillow(data)) <= self.tolerance
        )

    def test_a_header_is_equal_by_value_and_can_be_a_key(self) -> None:
        one, other = (inspect(memoryview(self.sample), self.codec, Limits()) for _ in range(2))
        assert one == other
        assert len({one, other}) == 1

    @pytest.mark.parametrize("orientation", range(10))
    def test_the_upright_picture_is_that_of_pillow(self, orientation: int) -> None:
        data = self.make(scene(61, 43), orientation)
        header = inspect(memoryview(data), self.codec, Limits())
        assert header.orientation == (orientation if 1 <= orientation <= 8 else 1)
        stored = decoded_twice(header, memoryview(data))
        step = orient_step(header)
        assert (step is None) == (header.orientation == 1)
        upright = np.full((header.upright_height, header.upright_width, 3), 7, np.uint8)
        if step is None:
            upright[...] = stored
        else:
            step(stored, upright)
        assert distance(upright, with_pillow(data)) <= self.tolerance

    def test_trailing_bytes_are_no_fault(self) -> None:
        data = self.sample + b"\0trailing" * 5
        header = inspect(memoryview(data), self.codec, Limits())
        pixels = decoded_twice(header, memoryview(data))
        assert distance(pixels, with_pillow(self.sample)) <= self.tolerance

    def test_another_codec_than_stated_is_refused(self) -> None:
        for other in {Codec.JPEG, Codec.PNG, Codec.WEBP} - {self.codec}:
            with pytest.raises(Refused, match="is said to be") as refused:
                inspect(memoryview(self.sample), other, Limits())
            assert refused.value.reason is Reason.IMAGE_CORRUPT

    @pytest.mark.parametrize(
        "limits",
        [Limits(max_pixels=61 * 43 - 1), Limits(max_side_pixels=60)],
        ids=["pixels", "side"],
    )
    def test_an_image_over_a_cap_is_refused_from_its_header(self, limits: Limits) -> None:
        with pytest.raises(Refused) as refused:
            inspect(memoryview(self.sample), self.codec, limits)
        assert refused.value.reason is Reason.IMAGE_TOO_LARGE
        inspect(memoryview(self.sample), self.codec, Limits(61 * 43, 61))

    @_SHARED
    @given(data=st.data())
    def test_a_cut_file_is_refused_wherever_it_is_cut(self, data: st.DataObject) -> None:
        whole = self.sample
        cut = memoryview(whole[: data.draw(st.integers(0, len(whole) - 1))])
        with pytest.raises(Refused) as refused:
            decoded_twice(inspect(cut, self.codec, Limits()), cut)
        assert refused.value.reason is Reason.IMAGE_CORRUPT

    @_SHARED
    @given(data=st.data())
    def test_changed_bytes_are_refused_or_decoded_whole(self, data: st.DataObject) -> None:
        changed = bytearray(self.sample)
        for _ in range(data.draw(st.integers(1, 4))):
            # Half of the changes fall where the headers are.
            last = data.draw(st.sampled_from([min(64, len(changed)), len(changed)])) - 1
            changed[data.draw(st.integers(0, last))] = data.draw(st.integers(0, 255))
        refused_or_whole(memoryview(bytes(changed)))

    @_SHARED
    @given(start=st.integers(0, 2000), length=st.integers(0, 300), filler=st.binary(max_size=40))
    def test_a_piece_replaced_is_refused_or_decoded_whole(
        self, start: int, length: int, filler: bytes
    ) -> None:
        data = self.sample
        start %= len(data)
        refused_or_whole(memoryview(data[:start] + filler + data[start + length :]))

    def test_the_libraries_words_stay_inside(self) -> None:
        data = memoryview(self.damaged())
        header = inspect(data, self.codec, Limits())
        out = np.zeros((header.height, header.width, 3), np.uint8)
        with pytest.raises(Refused, match="is broken or cut short") as refused:
            decode(header, data, out)
        assert refused.value.__cause__ is None
        assert refused.value.__context__ is None
        # Nor does the traceback hold the buffer, whose pool would wait for it.
        assert all("out" not in frame.frame.f_locals for frame in refused.traceback[1:])

    @abstractmethod
    def damaged(self) -> bytes:
        """A file whose headers are right and whose picture is not."""

    def test_a_buffer_of_another_shape_is_the_callers_mistake(self) -> None:
        data = memoryview(self.sample)
        header = inspect(data, self.codec, Limits())
        for out in (
            np.empty((44, 61, 3), np.uint8)[1:, :, ::-1],
            np.empty((43, 61, 3), np.uint16),
            np.empty((43, 61), np.uint8),
        ):
            with pytest.raises(ValueError, match="out is"):
                decode(header, data, out)  # type: ignore[arg-type]


def refused_or_whole(payload: memoryview) -> None:
    limits = Limits(max_pixels=1 << 16, max_side_pixels=1024)  # so that each try is short
    try:
        decoded_twice(inspect(payload, Codec.UNSPECIFIED, limits), payload)
    except Refused as error:
        refused = error
    else:
        return
    assert refused.reason in REFUSALS
    assert refused.__context__ is None


class EncoderContract(ABC):
    encoding: Encoding
    tolerance: float
    keeps_alpha: bool

    @abstractmethod
    def read(self, data: bytes, form: Form) -> Pixels:
        """The pixels of a file, in this form."""

    @staticmethod
    def written(pixels: Pixels, form: Form, encoding: Encoding, store_bytes: int = 0) -> bytes:
        buffer = ScratchBytesIO(store_bytes)
        encode(pixels, form, encoding, 90, buffer)
        return buffer.getvalue()

    @pytest.mark.parametrize("form", list(CHANNELS), ids=lambda form: form.name)
    @pytest.mark.parametrize("size", [(1, 1), (3, 2), (64, 48), (131, 77)])
    def test_a_picture_comes_back(self, form: PixelFormat, size: tuple[int, int]) -> None:
        pixels = picture(form, *size)
        self.check(self.written(pixels, Form(*size, form), self.encoding), pixels, form)

    def check(self, data: bytes, pixels: Pixels, pixel_format: PixelFormat) -> None:
        height, width = pixels.shape[:2]
        read = self.read(data, Form(width, height, pixel_format))
        assert read.shape == pixels.shape
        colour = slice(None, 3)
        if pixels.ndim == 2:
            assert distance(read, pixels) <= self.tolerance
            return
        assert distance(read[..., colour], pixels[..., colour]) <= self.tolerance
        if pixels.shape[2] == 4 and self.keeps_alpha:
            assert np.array_equal(read[..., 3], pixels[..., 3])

    @pytest.mark.parametrize("form", list(CHANNELS), ids=lambda form: form.name)
    def test_a_crop_and_a_mirror_are_written_as_they_look(self, form: PixelFormat) -> None:
        whole = picture(form, 90, 70)
        for view in (whole[5:60, 7:80], whole[:, ::-1], whole[::-1], whole[3:4, ::2][:, :1]):
            described = Form(view.shape[1], view.shape[0], form)
            apart = self.written(view, described, self.encoding)
            assert apart == self.written(np.array(view, order="C"), described, self.encoding)

    @pytest.mark.parametrize("form", list(CHANNELS), ids=lambda form: form.name)
    def test_the_size_of_the_store_changes_nothing(self, form: PixelFormat) -> None:
        pixels, described = picture(form, 64, 48), Form(64, 48, form)
        ample = self.written(pixels, described, self.encoding, 1 << 20)
        n = len(ample)
        sizes = {0, 1, 8, 33, 41, 100, n // 2, *range(n - 13, n + 3)}
        for store_bytes in sorted(size for size in sizes if size >= 0):
            assert self.written(pixels, described, self.encoding, store_bytes) == ample

    def test_nothing_of_an_earlier_image_shows(self) -> None:
        buffer = ScratchBytesIO(100)
        large, small = picture(PixelFormat.BGR24, 200, 150), picture(PixelFormat.BGR24, 20, 15)
        encode(large, Form(200, 150, PixelFormat.BGR24), self.encoding, 90, buffer)
        form = Form(20, 15, PixelFormat.BGR24)
        encode(small, form, self.encoding, 90, buffer)
        assert buffer.getvalue() == self.written(small, form, self.encoding)
        assert buffer.tell() == len(buffer.getvalue())
        buffer.write(b"more")  # it can grow: nobody holds its memory
        buffer.restart()
        assert buffer.getvalue() == b""

    def test_the_pixels_are_only_read(self) -> None:
        for form in CHANNELS:
            pixels = picture(form, 33, 21)
            before = pixels.copy()
            pixels.flags.writeable = False
            self.written(pixels, Form(33, 21, form), self.encoding)
            assert np.array_equal(pixels, before)

    def test_a_lent_scratch_gives_the_same(self) -> None:
        for pixel_format in CHANNELS:
            form = Form(33, 21, pixel_format)
            pixels = picture(pixel_format, 33, 21)
            shape = encode_scratch(form, self.encoding)
            scratch = None if shape is None else np.full(shape, 0xEE, np.uint8)
            buffer = ScratchBytesIO()
            encode(pixels, form, self.encoding, 90, buffer, scratch=scratch)
            assert buffer.getvalue() == self.written(pixels, form, self.encoding)

    def test_pixels_that_are_not_of_their_form_are_the_callers_mistake(self) -> None:
        form = Form(4, 2, PixelFormat.BGR24)
        with pytest.raises(ValueError, match="their form says"):
            encode(np.zeros((4, 2, 3), np.uint8), form, self.encoding, 90, ScratchBytesIO())
        for quality in (0, 101):
            with pytest.raises(ValueError, match="quality"):
                encode(
                    np.zeros((2, 4, 3), np.uint8), form, self.encoding, quality, ScratchBytesIO()
                )


def picture(form: PixelFormat, width: int, height: int) -> Pixels:
    pixels = scene(width, height, CHANNELS[form])
    return pixels[..., 0].copy() if form is PixelFormat.GRAY8 else pixels
