"""The encoding of protobuf, as far as a reader needs it: tags, varints, lengths, what to skip.

Positions may run past the end of a message before it is noticed, never past a check: a length
is compared with the end before it is used, and every loop compares its last position with it.
An ``IndexError`` past the very end of the data is turned into a refusal in ``requests``.

upb, which is what the generated classes are made of, sets the rules: a tag or a length has at
most 5 bytes, another varint 10, of which the bits over 64 are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from framesrv.errors import Reason, Refused
from framesrv.protocol.wire.records import WireLimits

_UINT64_MAX: Final = 2**64 - 1
_UINT32_MAX: Final = 2**32 - 1
_SIZE_BYTES_MAX: Final = 5
_VARINT_BYTES_MAX: Final = 10
_SHORT_TEXT_BYTES_MAX: Final = 127


class Handover(Exception):
    """Allowed, but nothing that an ordinary encoder writes: for the generated classes to read."""


def malformed(what: str) -> Refused:
    return Refused(Reason.MALFORMED_MESSAGE, f"the message is not one of framesrv.v1: {what}")


def cut() -> Refused:
    return malformed("a field reaches past the end of the message that it is in")


class Reading:
    """One message being read, and what may still be read of it."""

    __slots__ = ("data", "fields_left", "limits", "text_bytes_left", "view")

    def __init__(self, data: bytes, limits: WireLimits) -> None:
        self.data = data
        self.view = memoryview(data)
        self.limits = limits
        self.fields_left = limits.max_fields
        self.text_bytes_left = limits.max_text_bytes

    def too_many(self) -> Refused:
        return Refused(
            Reason.MALFORMED_MESSAGE,
            f"the message has more than {self.limits.max_fields:,} fields: send less at once",
        )

    def allow_text(self, nbytes: int) -> None:
        if nbytes > _SHORT_TEXT_BYTES_MAX:
            self.text_bytes_left -= nbytes
            if self.text_bytes_left < 0:
                raise Refused(
                    Reason.MALFORMED_MESSAGE,
                    f"the texts of the message are longer than {self.limits.max_text_bytes:,} "
                    "bytes: names and ids are meant to be short",
                )

    def text(self, start: int, stop: int) -> str:
        self.allow_text(stop - start)
        return self.data[start:stop].decode()


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """The value, and the position after it."""
    value = data[pos] & 127
    shift = 7
    for at in range(pos + 1, pos + _VARINT_BYTES_MAX):
        byte = data[at]
        if byte < 128:
            return (value | byte << shift) & _UINT64_MAX, at + 1
        value |= (byte & 127) << shift
        shift += 7
    raise malformed("a number has more than 10 bytes")


def long_varint(data: bytes, pos: int) -> tuple[int, int]:
    """The same for a varint of two bytes and more; nine, as a time in ns has, are read at once."""
    if data[pos + 1] < 128:
        return data[pos] & 127 | data[pos + 1] << 7, pos + 2
    nine = data[pos : pos + 9]
    if len(nine) == 9:
        a, b, c, d, e, f, g, h, i = nine
        if a & b & c & d & e & f & g & h > 127 >= i:
            return (
                a + (b << 7) + (c << 14) + (d << 21) + (e << 28) + (f << 35) + (g << 42)
                + (h << 49) + (i << 56) - _NINE_MARKS, pos + 9,
            )  # fmt: skip
    return varint(data, pos)


_NINE_MARKS: Final = sum(128 << 7 * n for n in range(8))  # the bits that say "there is more"


def size(data: bytes, pos: int) -> tuple[int, int]:
    """A length of two bytes and more, and the position after it."""
    value = data[pos] & 127
    shift = 7
    for at in range(pos + 1, pos + _SIZE_BYTES_MAX):
        byte = data[at]
        if byte < 128:
            return value | byte << shift, at + 1
        value |= (byte & 127) << shift
        shift += 7
    raise malformed("a length has more than 5 bytes")


def tag_at(data: bytes, pos: int) -> tuple[int, int]:
    """A tag, and the position after it."""
    tag = data[pos]
    pos += 1
    if tag > 127:
        start = pos
        tag, pos = size(data, pos - 1)
        if tag > _UINT32_MAX:
            raise malformed("a field number is over 536,870,911")
        if tag >> 7 * (pos - start) == 0:  # longer than it need be
            raise Handover
    if tag < 8:
        raise malformed("a field has the number 0")
    return tag, pos


def after(data: bytes, tag: int, pos: int) -> int:
    """The position after the value of a field that is not known."""
    kind = tag & 7
    if kind == 0:
        return varint(data, pos)[1] if data[pos] > 127 else pos + 1
    if kind == 2:
        nbytes = data[pos]
        pos += 1
        if nbytes > 127:
            nbytes, pos = size(data, pos - 1)
        return pos + nbytes
    if kind == 5:
        return pos + 4
    if kind == 1:
        return pos + 8
    if kind == 3:
        raise Handover
    raise malformed("a group ends that never began" if kind == 4 else "a wire type is 6 or 7")


def skip(data: bytes, pos: int, end: int) -> int:
    """The position after a field that is not known, whose tag is at ``pos``."""
    tag, pos = tag_at(data, pos)
    pos = after(data, tag, pos)
    if pos > end:
        raise cut()
    return pos


def fields(reading: Reading, pos: int, end: int) -> Iterator[tuple[int, int, int]]:
    """All fields of a message: the tag, and the number or the start of the value, and its stop.

    For messages that are not read for every frame. Those that the caller does not know count
    as well, and are passed by.
    """
    data = reading.data
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag, start = tag_at(data, pos)
        kind = tag & 7
        if kind == 0:
            value, pos = varint(data, start) if data[start] > 127 else (data[start], start + 1)
        else:
            pos = after(data, tag, start)
            value = start
        if pos > end:
            raise cut()
        if kind == 2:  # the length is skipped: it was checked on the way
            while data[value] > 127:
                value += 1
            value += 1
        yield tag, value, pos
