"""Numbers out of hostile bytes."""

from __future__ import annotations

from typing import Literal

from framesrv.codecs.refusal import corrupt


def number(
    payload: memoryview, at: int, nbytes: int, order: Literal["big", "little"] = "big"
) -> int:
    """An unsigned integer. Refuses to read past the end.

    >>> number(memoryview(b"\\x01\\x02"), 0, 2), number(memoryview(b"\\x01\\x02"), 0, 2, "little")
    (258, 513)
    >>> number(memoryview(b"\\x01\\x02"), 1, 2)
    Traceback (most recent call last):
    framesrv.errors.Refused: the image data ends too early
    """
    if at < 0 or at + nbytes > len(payload):
        raise ends_early()
    return int.from_bytes(payload[at : at + nbytes], order)


def has(payload: memoryview, at: int, text: bytes) -> bool:
    """
    >>> has(memoryview(b"RIFF"), 2, b"FF"), has(memoryview(b"RIFF"), 3, b"FF")
    (True, False)
    """
    return bytes(payload[at : at + len(text)]) == text


def ends_early() -> Exception:
    return corrupt("the image data ends too early")
