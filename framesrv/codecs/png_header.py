"""A PNG's chunks, all of them: the orientation may come last, and so does the proof that
nothing is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from framesrv.codecs import exif
from framesrv.codecs.header import Header
from framesrv.codecs.limits import Limits
from framesrv.codecs.reading import ends_early, number
from framesrv.codecs.refusal import corrupt
from framesrv.frames import copies
from framesrv.frames.source import Codec

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_DEPTHS: Final = {
    _GREY: (1, 2, 4, 8, 16),
    2: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    4: (8, 16),
    6: (8, 16),
}
_SAMPLES: Final = {_GREY: 1, 2: 3, _PALETTE: 3, 4: 2, 6: 4}
# libpng inflates up to a thousand of these, to 8 MB each: half a minute for one small image.
_INFLATED: Final = frozenset({b"iCCP", b"zTXt", b"iTXt"})
_WANTED: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
# Writers cut the picture into chunks of 8 KB or more; 16,777,216 pixels of 8 bytes make 16,384.
_CHUNKS_MAX: Final = 65_536


def chunks(payload: memoryview) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk, and where it starts and ends; the last one is IEND."""
    at = len(SIGNATURE)
    for _ in range(_CHUNKS_MAX):
        end = at + number(payload, at, 4) + 12
        if end > len(payload):
            raise ends_early()
        name = bytes(payload[at + 4 : at + 8])
        yield name, at, end
        if name == b"IEND":
            return
        at = end
    raise corrupt(f"the PNG has more than {_CHUNKS_MAX} chunks")


def read(payload: memoryview, limits: Limits) -> Header:
    walk = chunks(payload)
    name, start, end = next(walk)
    if name != b"IHDR" or end - start != 13 + 12:
        raise corrupt("the PNG does not start with a header")
    width, height, colour, depth = _ihdr(payload[start + 8 : end - 4], limits)
    seen = {name}
    turned = 0
    transparent = False
    for name, start, end in walk:  # noqa: PLW2901, RUF100
        if name == b"eXIf" and not turned:
            turned = exif.orientation(payload[start + 8 : end - 4])
        elif name == b"tRNS" and b"IDAT" not in seen:
            transparent = True
        seen.add(name)
    if b"IDAT" not in seen or (colour == _PALETTE and b"PLTE" not in seen):
        raise corrupt("the PNG lacks its picture or its palette")
    samples = _SAMPLES[colour]
    if transparent and samples in (1, 3):
        samples += 1
    return Header(
        Codec.PNG,
        width,
        height,
        turned or 1,
        samples,
        sample_bytes=2 if depth == 16 else 1,
        extras=not _INFLATED.isdisjoint(seen),
    )


def _ihdr(body: memoryview, limits: Limits) -> tuple[int, int, int, int]:
    width, height = number(body, 0, 4), number(body, 4, 4)
    depth, colour, compression, filtering, interlace = body[8:13]
    if not width or not height:
        raise corrupt("the PNG has a side of no pixels")
    limits.check_size(width, height)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise corrupt("the PNG has a header that makes no sense")
    return width, height, colour, depth


def without_extras(payload: memoryview) -> bytes:
    """The file with the chunks that make the picture and no others. A copy on the heap."""
    parts = [payload[start:end] for name, start, end in chunks(payload) if name in _WANTED]
    copies.CODEC.add()
    return b"".join([SIGNATURE, *parts])
