"""What an encoded image is, from its first bytes and its headers. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from framesrv.codecs import jpeg_header, png_header, webp_header
from framesrv.codecs.header import Header
from framesrv.codecs.limits import Limits
from framesrv.codecs.reading import has
from framesrv.codecs.refusal import corrupt, unsupported
from framesrv.frames.faults import short
from framesrv.frames.source import Codec

_READERS: Final[dict[Codec, Callable[[memoryview, Limits], Header]]] = {
    Codec.JPEG: jpeg_header.read,
    Codec.PNG: png_header.read,
    Codec.WEBP: webp_header.read,
}
_NAMES: Final = {Codec.JPEG: "JPEG", Codec.PNG: "PNG", Codec.WEBP: "WebP"}


def inspect(payload: memoryview, codec: Codec | int, limits: Limits) -> Header:
    """Raises Refused with IMAGE_CORRUPT, IMAGE_TOO_LARGE, TOO_MANY_SCANS or
    UNSUPPORTED_PAYLOAD."""
    if codec not in _READERS and codec != Codec.UNSPECIFIED:
        raise unsupported(f"codec {short(int(codec))} is not known: send JPEG, PNG or WebP")
    found = sniff(payload)
    if found is None:
        raise corrupt("the image is not a JPEG, PNG or WebP")
    if codec not in (found, Codec.UNSPECIFIED):
        raise corrupt(f"the image is said to be {_NAMES[Codec(codec)]} and is {_NAMES[found]}")
    return _READERS[found](payload, limits)


def sniff(payload: memoryview) -> Codec | None:
    """
    >>> sniff(memoryview(b"\\xff\\xd8\\xff\\xe0")), sniff(memoryview(b"GIF89a"))
    (<Codec.JPEG: 1>, None)
    """
    if has(payload, 0, b"\xff\xd8\xff"):
        return Codec.JPEG
    if has(payload, 0, png_header.SIGNATURE):
        return Codec.PNG
    if has(payload, 0, b"RIFF") and has(payload, 8, b"WEBP"):
        return Codec.WEBP
    return None
