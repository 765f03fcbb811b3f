"""What a varint means: the fields of the contract are narrower than the 64 bits it may have."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from struct import Struct
from typing import Final, TypeVar

E = TypeVar("E", bound=IntEnum)

_FLOAT: Final = Struct("<f")


def uint32(number: int) -> int:
    """
    >>> uint32(2**32 + 5)
    5
    """
    return number & 0xFFFFFFFF


def int32(number: int) -> int:
    """
    >>> int32(2**64 - 1), int32(2**31 - 1)
    (-1, 2147483647)
    """
    return ((number & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def int64(number: int) -> int:
    """
    >>> int64(2**64 - 1), int64(2**63 - 1) == 2**63 - 1
    (-1, True)
    """
    return (number ^ 1 << 63) - (1 << 63)


def enum(kind: type[E]) -> Callable[[int], E | int]:
    """A member where there is one, and else the number as it came."""
    members = {int(member): member for member in kind}

    def member_of(number: int) -> E | int:
        number = int32(number)
        return members.get(number, number)

    return member_of


def float32(data: bytes, pos: int) -> float:
    value: float = _FLOAT.unpack_from(data, pos)[0]
    return value
