"""A WebP's chunks, and where in them the picture is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from framesrv.codecs import exif
from framesrv.codecs.header import Header
from framesrv.codecs.limits import Limits
from framesrv.codecs.reading import ends_early, has, number
from framesrv.codecs.refusal import corrupt
from framesrv.frames.source import Codec

_EXIF_FLAG: Final = 0x08
_ANIMATION_FLAG: Final = 0x02
# A still has a handful, an animation one for each frame and may be read to its end for EXIF.
_CHUNKS_MAX: Final = 65_536
_KEY_FRAME: Final = b"\x9d\x01\x2a"


class Picture(NamedTuple):
    """The bitstream of the picture, or of an animation's first frame."""

    start: int  # of its chunk
    end: int
    width: int
    height: int
    x: int = 0  # on the canvas
    y: int = 0


def read(payload: memoryview, limits: Limits) -> Header:
    width, height, turned = _canvas(payload)
    if not width or not height:
        raise corrupt("the WebP has a side of no pixels")
    limits.check_size(width, height)
    shown = picture(payload)
    if shown.x + shown.width > width or shown.y + shown.height > height:
        raise corrupt("the WebP has a picture that is larger than its canvas")
    if not _is_animated(payload) and (shown.width, shown.height) != (width, height):
        raise corrupt("the WebP has a picture of another size than its canvas")
    return Header(Codec.WEBP, width, height, turned)


def picture(payload: memoryview) -> Picture:
    """Where the picture is. Alpha has a chunk of its own, and stays out of it."""
    for name, start, end in _chunks(payload, 12, _file_end(payload)):
        if name in (b"VP8 ", b"VP8L"):
            return _bitstream(payload, name, start, end)
        if name == b"ANMF":
            return _first_frame(payload, start + 8, end)
    raise corrupt("the WebP has no picture")


def _first_frame(payload: memoryview, start: int, end: int) -> Picture:
    if end - start < 16:
        raise corrupt("the WebP has a frame that is too short")
    x, y = 2 * number(payload, start, 3, "little"), 2 * number(payload, start + 3, 3, "little")
    width = number(payload, start + 6, 3, "little") + 1
    height = number(payload, start + 9, 3, "little") + 1
    for name, at, stop in _chunks(payload, start + 16, end):
        if name in (b"VP8 ", b"VP8L"):
            found = _bitstream(payload, name, at, stop)
            if (found.width, found.height) != (width, height):
                raise corrupt("the WebP has a picture of another size than its frame")
            return found._replace(x=x, y=y)
    raise corrupt("the WebP has a frame without a picture")


def _bitstream(payload: memoryview, name: bytes, start: int, end: int) -> Picture:
    body = payload[start + 8 : end]
    if name == b"VP8 ":
        if number(body, 0, 1) & 1 or not has(body, 3, _KEY_FRAME):
            raise corrupt("the WebP has a picture that does not start as one")
        width, height = (number(body, at, 2, "little") & 0x3FFF for at in (6, 8))
    else:
        if number(body, 0, 1) != 0x2F:
            raise corrupt("the WebP has a picture that does not start as one")
        sides = number(body, 1, 4, "little")
        width, height = (sides & 0x3FFF) + 1, (sides >> 14 & 0x3FFF) + 1
    return Picture(start, end, width, height)


def _canvas(payload: memoryview) -> tuple[int, int, int]:
    """Width, height and orientation."""
    if not has(payload, 12, b"VP8X"):
        shown = picture(payload)
        return shown.width, shown.height, 1
    if number(payload, 16, 4, "little") < 10:
        raise corrupt("the WebP has a header that is too short")
    width = number(payload, 24, 3, "little") + 1
    height = number(payload, 27, 3, "little") + 1
    turned = 0
    if payload[20] & _EXIF_FLAG:
        for name, start, end in _chunks(payload, 12, _file_end(payload)):
            if name == b"EXIF" and not turned:
                turned = exif.orientation(payload[start + 8 : end])
    return width, height, turned or 1


def _is_animated(payload: memoryview) -> bool:
    return has(payload, 12, b"VP8X") and bool(payload[20] & _ANIMATION_FLAG)


def _file_end(payload: memoryview) -> int:
    end = 8 + number(payload, 4, 4, "little")
    if end > len(payload):
        raise ends_early()
    return end


def _chunks(payload: memoryview, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk between two places, and where it starts and ends."""
    for _ in range(_CHUNKS_MAX):
        if at + 8 > stop:  # less than a chunk's header is padding
            return
        length = number(payload, at + 4, 4, "little")
        end = at + 8 + length
        if end > stop:
            raise ends_early()
        yield bytes(payload[at : at + 4]), at, end
        at = end + (length & 1)
    raise corrupt(f"the WebP has more than {_CHUNKS_MAX} chunks")
