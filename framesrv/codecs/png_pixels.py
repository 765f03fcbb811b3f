"""PNG pixels, by imagecodecs: libpng, into an array that exists already.

libpng writes what the file holds, in its own number of samples and bits. Where that is 8-bit
colour, it goes into ``out`` at once; else into the scratch, and from there converted.
"""

from __future__ import annotations

from typing import Final

import cv2
import imagecodecs
import numpy as np
import numpy.typing as npt

from framesrv.codecs.header import Header
from framesrv.codecs.png_header import without_extras
from framesrv.codecs.png_sound import GIVEN_UP_MAX, is_sound
from framesrv.codecs.refusal import Broken, decoded_by
from framesrv.codecs.stripes import stripes, swap_red_and_blue

Pixels = npt.NDArray[np.uint8]

_COLOUR: Final = 3
_TO_BGR: Final = {
    1: cv2.COLOR_GRAY2BGR,
    2: cv2.COLOR_GRAY2BGR,  # after the alpha was left out
    3: cv2.COLOR_RGB2BGR,
    4: cv2.COLOR_RGBA2BGR,
}


def scratch(header: Header, width: int, height: int) -> tuple[int, ...] | None:
    row = header.samples * header.sample_bytes
    return None if row == _COLOUR else (height, width, row)


class _Caution:
    """How often libpng gave up. A count that misses one of two threads' is as good."""

    given_up = 0


def decode(header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None) -> None:
    if _Caution.given_up >= GIVEN_UP_MAX and not is_sound(payload):
        raise Broken
    try:
        _decode(header, payload, out, scratch)
    except Broken:
        _Caution.given_up += 1
        raise


def _decode(header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None) -> None:
    data = without_extras(payload) if header.extras else payload
    row = header.samples * header.sample_bytes
    if row == _COLOUR:
        decoded_by(imagecodecs.png_decode, data, out=_apart(out))
        swap_red_and_blue(out)
        return
    if scratch is None:
        scratch = np.empty((*out.shape[:2], row), np.uint8)
    stored = scratch.view(np.uint16) if header.sample_bytes == 2 else scratch
    if header.samples == 1:
        stored = stored[..., 0]
    decoded_by(imagecodecs.png_decode, data, out=_apart(stored))
    _convert(header, stored, out)


def _convert(header: Header, stored: npt.NDArray[np.uint8 | np.uint16], out: Pixels) -> None:
    for rows in stripes(stored):
        stripe = stored[rows]
        if header.samples == 2:
            stripe = np.ascontiguousarray(stripe[..., 0])
        if header.sample_bytes == 2:
            # 65,535 is 257 times 255: this rounds to the nearest.
            stripe = ((stripe.astype(np.uint32) + 128) // 257).astype(np.uint8)
        cv2.cvtColor(stripe, _TO_BGR[header.samples], dst=out[rows])


class _Memory:
    """Where an array's bytes are, without a reference to it."""

    def __init__(self, array: npt.NDArray[np.uint8 | np.uint16]) -> None:
        self.__array_interface__ = array.__array_interface__


def _apart(array: npt.NDArray[np.uint8 | np.uint16]) -> npt.NDArray[np.uint8 | np.uint16]:
    """The same bytes, for a decoder that keeps its array when the file is broken."""
    return np.asarray(_Memory(array))
