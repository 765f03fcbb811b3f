"""Makes a message short before the generated classes read it, and counts what it holds.

Of a small hostile message they would make large objects, and of a large one two copies. So a
payload is replaced by where it lies, of a field that nobody knows only its tag and type are
left, and all else, with its order, repetition and faults, stays for them to judge. What they
are given is bounded by the number of fields and the bytes of the texts.

It follows the messages in a message by the contract's own descriptors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import Any, Final

from framesrv.errors import Refused
from framesrv.protocol.gen import frames_pb2
from framesrv.protocol.wire.varints import varint
from framesrv.protocol.wire.walk import Reading, after, cut, malformed, size

# More than the 100 that the generated classes allow in all: they say where exactly it ends.
_GROUPS_DEEP_MAX: Final = 200
_PLACE: Final = Struct("<QQ")
_PLACE_SIZE: Final = bytes((_PLACE.size,))


@dataclass(frozen=True, slots=True)
class Shape:
    """By tag: the messages in a message, its texts, and its payloads."""

    messages: dict[int, Shape] = field(default_factory=dict)
    texts: frozenset[int] = frozenset()
    payloads: frozenset[int] = frozenset()


def _shape(descriptor: Any) -> Shape:
    """The contract has no message that holds itself, so this ends."""
    messages = {
        part.number << 3 | 2: _shape(part.message_type)
        for part in descriptor.fields
        if part.message_type is not None
    }
    return Shape(messages, _tags(descriptor, "TYPE_STRING"), _tags(descriptor, "TYPE_BYTES"))


def _tags(descriptor: Any, kind: str) -> frozenset[int]:
    return frozenset(
        part.number << 3 | 2 for part in descriptor.fields if part.type == getattr(part, kind)
    )


BATCH_REQUEST: Final = _shape(frames_pb2.ProcessBatchRequest.DESCRIPTOR)
STREAM_REQUEST: Final = _shape(frames_pb2.ProcessStreamRequest.DESCRIPTOR)


def condensed(reading: Reading, shape: Shape) -> bytes:
    """Raises Refused if it holds too much, and an IndexError or Refused if it is no message."""
    return bytes(_message(reading, shape, 0, len(reading.data)))


def payload_at(reading: Reading, place: bytes) -> memoryview:
    """The payload that was replaced by this; empty if none was."""
    if not place:
        return reading.view[:0]
    start, stop = _PLACE.unpack(place)
    return reading.view[start:stop]


def _message(reading: Reading, shape: Shape, pos: int, end: int) -> bytearray:
    data, out = reading.data, bytearray()
    while pos < end:
        at = pos
        tag, start = _tag(reading, pos)
        if tag & 7 == 3:
            out += data[at:start]
            pos = _group(reading, out, tag, start)
            continue
        pos = after(data, tag, start)
        if pos > end:
            raise cut()
        if tag in shape.messages:
            inner = _message(reading, shape.messages[tag], _value(data, start), pos)
            out += data[at:start] + varint(len(inner)) + inner
        elif tag in shape.payloads:
            out += data[at:start] + _PLACE_SIZE + _PLACE.pack(_value(data, start), pos)
        elif tag in shape.texts:
            reading.allow_text(pos - _value(data, start))
            out += data[at:pos]
        else:
            out += _short(data, at, start, pos)
    if pos > end:
        raise cut()
    return out


def _group(reading: Reading, out: bytearray, tag: int, pos: int) -> int:
    """The position after a group. What is in it is known to nobody, so it has no shape."""
    data = reading.data
    open_groups = [tag]
    while open_groups:
        at = pos
        tag, pos = _tag(reading, at)
        start = pos
        if tag & 7 == 3:
            if len(open_groups) == _GROUPS_DEEP_MAX:
                raise _malformed_group()
            open_groups.append(tag)
        elif tag & 7 == 4:
            if open_groups.pop() + 1 != tag:
                raise _malformed_group()
        else:
            pos = after(data, tag, start)
        out += _short(data, at, start, pos)
    return pos


def _short(data: bytes, at: int, start: int, stop: int) -> bytes:
    """Of a field that is unknown or a number: a length, and what has it, is replaced by 0."""
    return data[at:start] + b"\x00" if data[at] & 7 == 2 else data[at:stop]


def _malformed_group() -> Refused:
    return malformed("groups end in another order than they began, or are too deep")


def _tag(reading: Reading, pos: int) -> tuple[int, int]:
    """A tag, also one that is longer than it need be. Counts."""
    reading.fields_left -= 1
    if reading.fields_left < 0:
        raise reading.too_many()
    tag = reading.data[pos]
    return (tag, pos + 1) if tag < 128 else size(reading.data, pos)


def _value(data: bytes, pos: int) -> int:
    """Where a value with a length begins."""
    while data[pos] > 127:
        pos += 1
    return pos + 1
