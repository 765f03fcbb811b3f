"""Reads frames. This is done for every frame, so lengths and numbers are read in place.

The order of the branches is that in which ordinary encoders write.
"""

from __future__ import annotations

from typing import Final

from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.source import Codec
from framesrv.protocol.wire.numbers import enum, int64
from framesrv.protocol.wire.records import WireFrame
from framesrv.protocol.wire.walk import Handover, Reading, cut, long_varint, size, skip

_CODEC: Final = enum(Codec)
_FORMAT: Final = enum(PixelFormat)
_NO_LAYOUT: Final = ImageLayout()
_UNSPECIFIED: Final = Codec.UNSPECIFIED


def read_frame(reading: Reading, pos: int, end: int) -> WireFrame:  # noqa: C901, PLR0912
    data = reading.data
    stream_id = trace_id = ""
    sequence = captured_at_ns = 0
    layout: ImageLayout | None = None
    codec: Codec | int = _UNSPECIFIED
    payload: memoryview | None = None
    crc32c: int | None = None
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag = data[pos]
        pos += 1
        if tag == 0x10 or tag == 0x18:  # noqa: PLR1714 - a tuple is slower
            number = data[pos]
            pos += 1
            if number > 127:
                number, pos = long_varint(data, pos - 1)
            if tag == 0x10:
                sequence = number
            else:
                captured_at_ns = number if number < 1 << 63 else int64(number)
        elif tag == 0x0A or tag == 0x42 or tag == 0x2A or tag == 0x22:  # noqa: PLR1714
            nbytes = data[pos]
            pos += 1
            if nbytes > 127:
                nbytes, pos = size(data, pos - 1)
            stop = pos + nbytes
            if stop > end:
                raise cut()
            if tag == 0x0A:
                stream_id = data[pos:stop].decode() if nbytes < 128 else reading.text(pos, stop)
            elif tag == 0x42:
                trace_id = data[pos:stop].decode() if nbytes < 128 else reading.text(pos, stop)
            elif payload is not None:
                raise Handover  # a second payload: the same merges, the other replaces
            elif tag == 0x2A:
                codec, payload = _encoded(reading, pos, stop)
            else:
                layout, payload = _raw(reading, pos, stop)
            pos = stop
        elif tag == 0x3D:
            crc32c = int.from_bytes(data[pos : pos + 4], "little")
            pos += 4
        else:
            pos = skip(data, pos - 1, end)
    if pos > end:
        raise cut()
    return WireFrame(stream_id, sequence, captured_at_ns, layout, codec, payload, crc32c, trace_id)


def _encoded(reading: Reading, pos: int, end: int) -> tuple[Codec | int, memoryview]:
    data = reading.data
    codec: Codec | int = _UNSPECIFIED
    start = stop = pos
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag = data[pos]
        pos += 1
        if tag == 0x12:
            nbytes = data[pos]
            pos += 1
            if nbytes > 127:
                nbytes, pos = size(data, pos - 1)
            start = pos
            pos = stop = pos + nbytes
            if pos > end:
                raise cut()
        elif tag == 0x08:
            number = data[pos]
            pos += 1
            if number > 127:
                number, pos = long_varint(data, pos - 1)
            codec = _CODEC(number)
        else:
            pos = skip(data, pos - 1, end)
    if pos > end:
        raise cut()
    return codec, reading.view[start:stop]


def _raw(reading: Reading, pos: int, end: int) -> tuple[ImageLayout, memoryview]:
    data = reading.data
    layout: ImageLayout | None = None
    start = stop = pos
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag = data[pos]
        pos += 1
        if tag == 0x12 or tag == 0x0A:  # noqa: PLR1714
            nbytes = data[pos]
            pos += 1
            if nbytes > 127:
                nbytes, pos = size(data, pos - 1)
            if pos + nbytes > end:
                raise cut()
            if tag == 0x12:
                start, stop = pos, pos + nbytes
            elif layout is not None:
                raise Handover  # it merges
            else:
                layout = _layout(reading, pos, pos + nbytes)
            pos += nbytes
        else:
            pos = skip(data, pos - 1, end)
    if pos > end:
        raise cut()
    # Without a layout the image is one of no size, which is a fault of this frame alone.
    return _NO_LAYOUT if layout is None else layout, reading.view[start:stop]


def _layout(reading: Reading, pos: int, end: int) -> ImageLayout:
    data = reading.data
    width = height = form = stride = 0
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag = data[pos]
        pos += 1
        if tag == 0x08 or tag == 0x10 or tag == 0x18 or tag == 0x20:  # noqa: PLR1714
            number = data[pos]
            pos += 1
            if number > 127:
                number, pos = long_varint(data, pos - 1)
                number &= 0xFFFFFFFF
            if tag == 0x08:
                width = number
            elif tag == 0x10:
                height = number
            elif tag == 0x18:
                form = number
            else:
                stride = number
        else:
            pos = skip(data, pos - 1, end)
    if pos > end:
        raise cut()
    return ImageLayout(width, height, _FORMAT(form), stride)
