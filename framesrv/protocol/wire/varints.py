"""Writes numbers and texts as protobuf does: the shortest form, and nothing for a default."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_ONE: Final = tuple(bytes((number,)) for number in range(128))
# All pairs of 7 bits, 32 KiB each: with the bit that says "there is more" in both, and without
# it in the second. A slice of a table is cheaper than two numbers made into bytes.
_PAIRS: Final = range(1 << 14)
_MORE: Final = bytes(byte for n in _PAIRS for byte in (n & 127 | 128, n >> 7 | 128))
_LAST: Final = bytes(byte for n in _PAIRS for byte in (n & 127 | 128, n >> 7))
_HIGH_KEPT: Final = 64


def varint(n: int) -> bytes:
    """
    >>> varint(300).hex(), varint(1 << 63).hex()
    ('ac02', '80808080808080808001')
    """
    if n < 0x80:
        return _ONE[n] if n >= 0 else _long(n)
    if n < 1 << 14:
        return _LAST[n + n : n + n + 2]
    if n < 1 << 28:
        low, high = (n & 0x3FFF) << 1, n >> 14
        if high < 0x80:
            return _MORE[low : low + 2] + _ONE[high]
        high += high
        return _MORE[low : low + 2] + _LAST[high : high + 2]
    return _long(n)


def _long(n: int) -> bytes:
    """Mostly a time in ns. Its high bits change four times a second, and are kept."""
    if not 0 <= n < 1 << 64:
        raise ValueError(f"{n} does not fit into 64 bits")
    low, middle = (n & 0x3FFF) << 1, (n >> 14 & 0x3FFF) << 1
    return _MORE[low : low + 2] + _MORE[middle : middle + 2] + _high(n >> 28)


@lru_cache(maxsize=_HIGH_KEPT)
def _high(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def varint_size(number: int) -> int:
    """
    >>> varint_size(0), varint_size(127), varint_size(128), varint_size((1 << 64) - 1)
    (1, 1, 2, 10)
    """
    return 1 if number < 0x80 else (number.bit_length() + 6) // 7


def signed(number: int) -> int:
    """An int32 or int64 as the 64 bits that are written for it.

    >>> signed(-1) == (1 << 64) - 1, signed(1)
    (True, 1)
    """
    return number if number >= 0 else number + (1 << 64)


def text_field(tag: bytes, text: str) -> bytes:
    """
    >>> text_field(b"\\x0a", "hi"), text_field(b"\\x0a", "")
    (b'\\n\\x02hi', b'')
    """
    if not text:
        return b""
    data = text.encode()
    return tag + varint(len(data)) + data


def text_size(text: str) -> int:
    """The length of such a field of one tag byte.

    >>> text_size("hi"), text_size("é"), text_size("")
    (4, 4, 0)
    """
    if not text:
        return 0
    nbytes = len(text) if text.isascii() else len(text.encode())
    return 1 + varint_size(nbytes) + nbytes


def number_field(tag: bytes, number: int) -> bytes:
    return tag + varint(number) if number else b""


def message_field(tag: bytes, data: bytes) -> bytes:
    """Also where it is empty: that it is set is what it says."""
    return tag + varint(len(data)) + data
