"""JPEG pixels, by simplejpeg: libjpeg-turbo's SIMD code, into an array that exists already."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import simplejpeg

from framesrv.codecs.header import Header
from framesrv.codecs.refusal import Broken, decoded_by
from framesrv.codecs.stripes import stripes

Pixels = npt.NDArray[np.uint8]

_INK_SAMPLES: Final = 4


def scratch(header: Header, width: int, height: int) -> tuple[int, ...] | None:
    return (height, width, _INK_SAMPLES) if header.samples == _INK_SAMPLES else None


def decode(header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None) -> None:
    if header.samples != _INK_SAMPLES:
        _pixels(header, payload, "BGR", out)
        return
    if scratch is None:
        scratch = np.empty((*out.shape[:2], _INK_SAMPLES), np.uint8)
    _pixels(header, payload, "CMYK", scratch)
    _print(scratch, out)


def _pixels(header: Header, payload: memoryview, colorspace: str, into: Pixels) -> None:
    height, width = into.shape[:2]
    # The smallest fraction that covers these minima has just this size. At full size none are
    # given: rounded up, seven eighths of a small side are all of it.
    full = (width, height) == (header.width, header.height)
    decoded = decoded_by(
        simplejpeg.decode_jpeg,
        payload,
        colorspace,
        min_width=0 if full else width,
        min_height=0 if full else height,
        buffer=into,
        strict=True,  # libjpeg's warnings are errors: it would fill what is missing with grey
    )
    if decoded.shape != into.shape:  # then a part of the buffer was not written
        raise Broken


def _print(light: Pixels, out: Pixels) -> None:
    """Ink on paper, without a colour profile, 0 being full ink: as Adobe stores it, and as
    Pillow and OpenCV take it whether Adobe's mark is there or not."""
    for rows in stripes(light):
        shine = light[rows, :, 2::-1].astype(np.uint16) * light[rows, :, 3:]
        out[rows] = shine // 255
