"""At what size an image is decoded."""

from __future__ import annotations

from typing import Final

from framesrv.codecs.header import Header
from framesrv.frames.source import Codec

EIGHTHS: Final = 8
# libjpeg scales by any number of eighths. Six and seven cost more than the full size, each
# with the resize that follows (ADR 0010).
_FRACTIONS: Final = (1, 2, 3, 4, 5)


def decoded_size(header: Header, min_width: int, min_height: int, exact: bool) -> tuple[int, int]:
    """Width and height of what ``decode`` will write, as stored: before orientation.

    The minima are of the picture as stored, too; 0 asks for nothing, and two of them for the
    full size.

    >>> photo = Header(Codec.JPEG, 1280, 720)
    >>> decoded_size(photo, 640, 360, False), decoded_size(photo, 641, 360, False)
    ((640, 360), (800, 450))
    >>> decoded_size(photo, 640, 360, True), decoded_size(photo, 0, 0, False)
    ((1280, 720), (1280, 720))
    """
    if header.codec is Codec.JPEG and not exact and (min_width > 0 or min_height > 0):
        for fraction in _FRACTIONS:
            width, height = eighths(header.width, fraction), eighths(header.height, fraction)
            if width >= min_width and height >= min_height:
                return width, height
    return header.width, header.height


def eighths(side: int, count: int) -> int:
    """
    >>> eighths(9, 4)  # libjpeg rounds up
    5
    """
    return -(-side * count // EIGHTHS)
