"""A JPEG, up to its first scan; and its scans, where there may be many.

What a frame header promises is what is borrowed and decoded, so everything here is checked
before a decoder sees it. Sequential and progressive Huffman coding of 8 bits are served:
practically every JPEG there is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from framesrv.codecs import exif
from framesrv.codecs.familiar import Openings
from framesrv.codecs.header import Header
from framesrv.codecs.limits import Limits
from framesrv.codecs.reading import ends_early, has, number
from framesrv.codecs.refusal import corrupt, unsupported
from framesrv.errors import Reason, Refused
from framesrv.frames.source import Codec

_SOF: Final = frozenset({0xC0, 0xC1, 0xC2})
_SOF_PROGRESSIVE: Final = 0xC2
_OTHER_SOF: Final = {
    0xC3: "lossless",
    **dict.fromkeys((0xC5, 0xC6, 0xC7), "hierarchical"),
    **dict.fromkeys((0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF), "arithmetic-coded"),
}
_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment
# Real files have some dozens (a colour profile takes one for each 64 KB), hostile ones millions.
_SEGMENTS_MAX: Final = 4096
# What ends a run of coded data: 0xFF followed by neither a stuffed zero, a restart nor fill.
_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)

_Frame = tuple[int, int, bool, frozenset[int]]  # width, height, progressive, component ids


_OPENINGS: Final = Openings()


def read(payload: memoryview, limits: Limits) -> Header:
    return _OPENINGS.find(payload, limits) or _read(payload, limits)


def _read(payload: memoryview, limits: Limits) -> Header:
    frame: _Frame | None = None
    turned = 0
    for marker, body, end in _segments(payload):
        if marker in _SOF:
            if frame is not None:
                raise corrupt("the JPEG has two frame headers")
            frame = _frame(body, limits, progressive=marker == _SOF_PROGRESSIVE)
        elif marker in _OTHER_SOF:
            raise unsupported(f"{_OTHER_SOF[marker]} JPEG is not supported: send baseline")
        elif marker == _APP1 and not turned and has(body, 0, exif.PREFIX):
            turned = exif.orientation(body[6:])
        elif marker == _SOS:
            if frame is None:
                raise corrupt("the JPEG has no frame header before its first scan")
            width, height, _, components = frame
            samples = 4 if len(components) == 4 else 3  # grey is made BGR by the decoder
            header = Header(Codec.JPEG, width, height, turned or 1, samples)
            if _is_whole(body, frame):
                _OPENINGS.remember(payload, end, limits, header)
            else:
                _check_scans(payload, body, end, frame, limits.max_jpeg_scans)
            return header
    raise corrupt(f"the JPEG has more than {_SEGMENTS_MAX} segments before its picture")


def _segments(payload: memoryview) -> Iterator[tuple[int, memoryview, int]]:
    """The marker of each segment, what is in it, and where it ends."""
    at = 2  # past the start of image
    for _ in range(_SEGMENTS_MAX):
        marker, at = _marker(payload, at)
        if marker in _BARE:
            continue
        if marker == _EOI:
            raise corrupt("the JPEG ends before its picture")
        body, at = _segment(payload, at)
        yield marker, body, at


def _marker(payload: memoryview, at: int) -> tuple[int, int]:
    """The marker at a place, and the place behind it. It may be padded with 0xFF."""
    if number(payload, at, 1) != 0xFF:
        raise corrupt("the JPEG has something else where a marker should be")
    found = _MARKER_AFTER_FILL.match(payload, at)
    if found is None:
        raise ends_early()
    return payload[found.end() - 1], found.end()


_MARKER_AFTER_FILL: Final = re.compile(rb"\xff+[^\xff]", re.DOTALL)


def _segment(payload: memoryview, at: int) -> tuple[memoryview, int]:
    length = number(payload, at, 2)
    end = at + length
    if length < 2:
        raise corrupt("the JPEG has a segment of impossible length")
    if end > len(payload):
        raise ends_early()
    return payload[at + 2 : end], end


def _frame(body: memoryview, limits: Limits, *, progressive: bool) -> _Frame:
    precision, height, width = number(body, 0, 1), number(body, 1, 2), number(body, 3, 2)
    if precision != 8:
        raise unsupported(f"JPEG of {precision} bits is not supported: send 8 bits")
    if not width or not height:
        raise corrupt("the JPEG has a side of no pixels")
    limits.check_size(width, height)
    count = number(body, 5, 1)
    if count not in (1, 3, 4):
        raise unsupported(f"JPEG of {count} components is not supported: send 1, 3 or 4")
    if len(body) != 6 + 3 * count:
        raise corrupt("the JPEG has a frame header of the wrong length")
    components = frozenset(body[6::3])
    if len(components) != count:
        raise corrupt("the JPEG has two components of one name")
    return width, height, progressive, components


def _is_whole(body: memoryview, frame: _Frame) -> bool:
    """Whether this first scan brings all there is, as in every baseline image of a camera.

    libjpeg itself refuses a second one then, so the data need not be searched.
    """
    _, _, progressive, components = frame
    return not progressive and _begun(body, components) == components


def _check_scans(
    payload: memoryview, body: memoryview, at: int, frame: _Frame, scans_max: int
) -> None:
    """Refuse too many scans, and scans that leave a component without a picture.

    Each scan costs a pass over the whole picture, however few bytes it has. And a component
    that no scan begins would be grey, of which libjpeg does not warn.
    """
    components = frame[3]
    begun = _begun(body, components)
    scans = 1
    for _ in range(_SEGMENTS_MAX):
        found = _MARKER.search(payload, at)
        if found is None:
            raise ends_early()
        marker, at = payload[found.end() - 1], found.end()
        if marker == _EOI:
            break
        if marker in _BARE:
            continue
        body, at = _segment(payload, at)
        if marker == _SOS:
            scans += 1
            if scans > scans_max:
                message = f"the JPEG has more than {scans_max} scans: send it with fewer"
                raise Refused(Reason.TOO_MANY_SCANS, message)
            begun |= _begun(body, components)
    else:
        raise corrupt(f"the JPEG has more than {_SEGMENTS_MAX} segments in its picture")
    if begun != components:
        raise corrupt("the JPEG lacks a part of its picture")


def _begun(body: memoryview, components: frozenset[int]) -> frozenset[int]:
    """The components that this scan gives their first coefficients to."""
    count = number(body, 0, 1)
    if len(body) != 4 + 2 * count:
        raise corrupt("the JPEG has a scan header of the wrong length")
    named = frozenset(body[1 : 1 + 2 * count : 2])
    if not named <= components or len(named) != count:
        raise corrupt("the JPEG has a scan of a component that it does not have")
    first_coefficient, refined_from = body[1 + 2 * count], body[3 + 2 * count] >> 4
    return frozenset() if first_coefficient or refined_from else named
