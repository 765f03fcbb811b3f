"""From pixels to an encoded image in a pooled buffer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt

from framesrv.codecs.refusal import too_large
from framesrv.errors import Reason, Refused
from framesrv.frames import copies
from framesrv.frames.faults import short
from framesrv.frames.form import Form
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.pool.scratch import ScratchBytesIO

Pixels = npt.NDArray[np.uint8]
# Encodes into the memory it is given, or, given None, onto the heap.
# Any: the libraries take any writable buffer, which their type hints do not say.
_Encoder = Callable[[Any], Any]

# The formats end at 65,535 and 16,383. But past libjpeg's JPEG_MAX_DIMENSION nobody reads a
# JPEG, and imagecodecs stops one short of WebP's end.
_SIDES_MAX: Final = {Encoding.JPEG: 65_500, Encoding.WEBP: 16_382}
_JCS_YCBCR: Final = 3
_JCS: Final = {  # libjpeg's J_COLOR_SPACE
    PixelFormat.GRAY8: 1,
    PixelFormat.RGB24: 2,
    PixelFormat.BGR24: 8,
    PixelFormat.RGBA32: 12,
    PixelFormat.BGRA32: 13,
}
# PNG and WebP are written from red first, and WebP knows no grey.
_TO_RGB: Final = {
    PixelFormat.BGR24: (cv2.COLOR_BGR2RGB, 3),
    PixelFormat.BGRA32: (cv2.COLOR_BGRA2RGBA, 4),
}
_GREY_TO_RGB: Final = (cv2.COLOR_GRAY2RGB, 3)
# What OpenCV sets, and as fast; method 1 of WebP takes a quarter of OpenCV's time (ADR 0010).
_PNG: Final[dict[str, int]] = {"level": 1, "strategy": 3, "filter": 16}
_WEBP_METHOD: Final = 1
_PNG_END: Final = b"IEND\xaeB`\x82"


def encode(
    pixels: Pixels,
    form: Form,
    encoding: Encoding,
    quality: int,
    buffer: ScratchBytesIO,
    *,
    scratch: Pixels | None = None,
) -> None:
    """Write the encoded image into the buffer, from its start, in place of what it held.

    ``pixels`` may be a crop: rows may lie apart. ``scratch`` is a buffer of the shape that
    ``encode_scratch`` says, else it is taken from the heap. ``quality`` is from 1 to 100, for
    JPEG and WebP. Raises Refused with IMAGE_TOO_LARGE if a side is more than the encoding
    knows, and with BAD_PIPELINE for planar pixels that are not to stay raw.
    """
    if pixels.shape != form.shape or pixels.dtype != np.uint8:
        raise ValueError(
            f"the pixels are {pixels.dtype} {short(pixels.shape)}, "
            f"and their form says uint8 {short(form.shape)}"
        )
    if not 1 <= quality <= 100:
        raise ValueError(f"quality is {short(quality)} and must be from 1 to 100")
    buffer.restart()
    if encoding is Encoding.RAW:
        _write_rows(pixels, buffer)
        copies.CODEC.add()
        return
    _check(form, encoding)
    pixels = _rows_of_pixels(pixels)
    if encoding in (Encoding.JPEG, Encoding.UNSPECIFIED):
        _into(buffer, _jpeg(pixels, form, quality), _anything)
        return
    pixels = _red_first(pixels, form, encoding, scratch)
    if encoding is Encoding.PNG:
        _into(buffer, _png(pixels), _ends_as_png)
    else:
        _into(buffer, _webp(pixels, quality), _anything)


def encode_scratch(form: Form, encoding: Encoding) -> tuple[int, ...] | None:
    """The shape of the buffer that ``encode`` needs besides, if any.

    >>> encode_scratch(Form(4, 2, PixelFormat.BGR24), Encoding.PNG)
    (2, 4, 3)
    >>> encode_scratch(Form(4, 2, PixelFormat.BGR24), Encoding.JPEG)
    """
    change = _change(form, encoding)
    return None if change is None else (form.height, form.width, change[1])


def _change(form: Form, encoding: Encoding) -> tuple[int, int] | None:
    if encoding is Encoding.WEBP and form.format is PixelFormat.GRAY8:
        return _GREY_TO_RGB
    return _TO_RGB.get(form.format) if encoding in (Encoding.PNG, Encoding.WEBP) else None


def _check(form: Form, encoding: Encoding) -> None:
    if form.format not in _JCS:
        message = f"{form.format.name} cannot be encoded: ask for RAW, or for no conversion"
        raise Refused(Reason.BAD_PIPELINE, message)
    kind = encoding or Encoding.JPEG
    side_max = _SIDES_MAX.get(kind)
    if side_max is not None and max(form.width, form.height) > side_max:
        raise too_large(
            f"the output is {form.width} x {form.height} pixels: "
            f"a side may have at most {side_max} in {kind.name}"
        )


def _jpeg(pixels: Pixels, form: Form, quality: int) -> _Encoder:
    grey = form.format is PixelFormat.GRAY8

    def run(out: Any) -> Any:
        return imagecodecs.jpeg8_encode(
            pixels,
            quality,
            colorspace=_JCS[form.format],
            # Must be said: of BGR it would otherwise store the three channels as they are.
            outcolorspace=_JCS[PixelFormat.GRAY8] if grey else _JCS_YCBCR,
            subsampling=None if grey else "420",
            out=out,
        )

    return run


def _png(pixels: Pixels) -> _Encoder:
    return lambda out: imagecodecs.png_encode(pixels, **_PNG, out=out)


def _webp(pixels: Pixels, quality: int) -> _Encoder:
    return lambda out: imagecodecs.webp_encode(
        pixels, quality, lossless=False, method=_WEBP_METHOD, out=out
    )


def _into(buffer: ScratchBytesIO, run: _Encoder, is_whole: Callable[[Any], bool]) -> None:
    """Encode into the store, or, where it is too small for that, onto the heap and write.

    The write grows the store to what is needed, so the next image of the kind fits.
    """
    room = buffer.store()
    try:
        encoded = _try(run, room)
        if isinstance(encoded, memoryview):
            with encoded:
                if is_whole(encoded):
                    buffer.claim(encoded.nbytes)
                    return
    finally:
        room.release()  # while it is out, the buffer cannot grow
    # Of a JPEG that did not fit the library returns all bytes, having gone to the heap itself.
    whole = encoded if isinstance(encoded, bytes) else run(None)
    buffer.restart()
    buffer.write(whole)
    copies.CODEC.add()


def _try(run: _Encoder, room: memoryview) -> Any:
    """None if the library says that the room is too small. It has no error of its own for
    that: what else is wrong is raised again when the heap is tried."""
    if not room.nbytes:
        return None
    try:
        return run(room)
    except RuntimeError:
        return None


def _anything(_: memoryview) -> bool:
    return True


def _ends_as_png(encoded: memoryview) -> bool:
    """Whether libpng got to its end: when the room is full to the byte between two chunks,
    imagecodecs drops the rest without a word."""
    return bytes(encoded[-len(_PNG_END) :]) == _PNG_END


def _rows_of_pixels(pixels: Pixels) -> Pixels:
    """The encoders step from row to row by any stride, but within a row from byte to byte."""
    samples = pixels.shape[2] if pixels.ndim == 3 else 1
    within = pixels.strides[1:]
    if within == ((samples, 1) if pixels.ndim == 3 else (1,)) and pixels.strides[0] > 0:
        return pixels
    copies.CODEC.add()
    return np.array(pixels, order="C", copy=True)


def _red_first(pixels: Pixels, form: Form, encoding: Encoding, scratch: Pixels | None) -> Pixels:
    change = _change(form, encoding)
    if change is None:
        return pixels
    code, samples = change
    shape = (form.height, form.width, samples)
    if scratch is None:
        scratch = np.empty(shape, np.uint8)
    if scratch.shape != shape:
        raise ValueError(f"scratch is {short(scratch.shape)} and must be {short(shape)}")
    cv2.cvtColor(pixels, code, dst=scratch)
    return scratch


def _write_rows(pixels: Pixels, buffer: ScratchBytesIO) -> None:
    if pixels.flags.c_contiguous:
        buffer.write(pixels.data)
        return
    for row in pixels:
        buffer.write((row if row.flags.c_contiguous else np.ascontiguousarray(row)).data)
