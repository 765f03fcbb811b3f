"""Encoded images, and ways to take them apart."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from framesrv.codecs import Header, Limits, inspect
from framesrv.errors import Refused
from framesrv.frames import Codec
from framesrv.testing.codec_pictures import Pixels, decoded_twice, exif_with


def saved(pixels: npt.NDArray[Any], kind: str, mode: str = "RGB", /, **settings: Any) -> bytes:
    """These BGR pixels in a file, by Pillow."""
    image = Image.fromarray(np.ascontiguousarray(pixels[..., ::-1]))
    stream = io.BytesIO()
    image.convert(mode).save(stream, kind, **settings)
    return stream.getvalue()


def turned(orientation: int) -> dict[str, bytes]:
    return {} if orientation == 1 else {"exif": exif_with(orientation)}


def header_of(data: bytes, limits: Limits | None = None) -> Header:
    return inspect(memoryview(data), Codec.UNSPECIFIED, limits or Limits())


def decoded(data: bytes) -> Pixels:
    return decoded_twice(header_of(data), memoryview(data))


def refusal(data: bytes, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        decoded_twice(header_of(data, limits), memoryview(data))
    return refused.value


def traced(call: Callable[[], object], times: int = 5) -> tuple[int, int]:
    """The bytes that stay after so many calls, and the most that were there at once."""
    call()
    watcher = sys.gettrace()  # a coverage tool, which allocates too
    sys.settrace(None)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(times):
            call()
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        sys.settrace(watcher)
    return now - before, peak - before


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP"
    for name, content in chunks:
        body += name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg_parts(data: bytes) -> list[tuple[int, bytes]]:
    """The marker and the bytes of each segment; coded data belongs to the scan before it."""
    parts = [(0xD8, data[:2])]
    at = 2
    while at < len(data):
        marker = data[at + 1]
        end = at + 2
        if marker != 0xD9:
            end += struct.unpack(">H", data[end : end + 2])[0]
        if marker == 0xDA:
            while data[end] != 0xFF or data[end + 1] in (0, *range(0xD0, 0xD8)):
                end += 1
        parts.append((marker, data[at:end]))
        at = end
    return parts
