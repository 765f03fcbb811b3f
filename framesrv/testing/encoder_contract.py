"""What every encoder promises. Subclass, and say how to read a file.

The files are read by Pillow: what is promised must hold against other people's code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import pytest

from framesrv.codecs import encode, encode_scratch
from framesrv.frames import Encoding, PixelFormat
from framesrv.frames.form import Form
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.testing.codec_pictures import CHANNELS, Pixels, distance, picture


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
