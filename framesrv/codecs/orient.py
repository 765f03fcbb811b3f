"""Turning a picture upright, as its EXIF orientation says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from framesrv.codecs.header import Header
from framesrv.frames.faults import short

Pixels = npt.NDArray[np.uint8]
OrientStep = Callable[[Pixels, Pixels], None]


def orient_step(header: Header) -> OrientStep | None:
    """What writes the upright picture from the stored one, of any size; None if it is upright.

    Both arrays are C-contiguous and have three channels; the second one has the shape of the
    first, with its sides swapped where the header's are.
    """
    turn = _TURNS.get(header.orientation)
    if turn is None:
        return None

    def step(src: Pixels, dst: Pixels) -> None:
        height, width = src.shape[:2]
        turned = (height, width) if header.orientation < _SIDEWAYS else (width, height)
        if dst.shape[:2] != turned:
            # OpenCV would write into an array of its own, and dst would keep what it held.
            raise ValueError(
                f"the upright picture is {short(turned)}, and dst {short(dst.shape[:2])}"
            )
        turn(src, dst)

    return step


def _flip(code: int) -> OrientStep:
    def turn(src: Pixels, dst: Pixels) -> None:
        cv2.flip(src, code, dst=dst)

    return turn


def _rotate(code: int) -> OrientStep:
    def turn(src: Pixels, dst: Pixels) -> None:
        cv2.rotate(src, code, dst=dst)

    return turn


def _transpose(src: Pixels, dst: Pixels) -> None:
    cv2.transpose(src, dst=dst)


def _transverse(src: Pixels, dst: Pixels) -> None:
    """Mirrored along the other diagonal."""
    cv2.transpose(src, dst=dst)
    cv2.flip(dst, -1, dst=dst)


_SIDEWAYS: Final = 5
_TURNS: Final[dict[int, OrientStep]] = {
    2: _flip(1),
    3: _flip(-1),
    4: _flip(0),
    5: _transpose,
    6: _rotate(cv2.ROTATE_90_CLOCKWISE),
    7: _transverse,
    8: _rotate(cv2.ROTATE_90_COUNTERCLOCKWISE),
}
