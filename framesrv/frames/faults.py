"""How a record says what is wrong with it: every fault at once, each with what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from framesrv.errors import InvalidRecord

_VALUE_CHARS_MAX: Final = 40
_INTEGER_BITS_MAX: Final = 128
_ITEMS_MAX: Final = 8


class Fault(NamedTuple):
    """
    >>> str(Fault("width", 0, "a whole number of at least 1"))
    'width is 0 and must be a whole number of at least 1'
    """

    field: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.field} is {short(self.value)} and must be {self.allowed}"


def short(value: object) -> str:
    """A value as a message may show it. Neither its length nor its time grows with the value.

    >>> short("x" * 1000), short(b"pixels"), short(None)
    ("'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... (1000 characters)", '6 bytes', 'None')
    """
    if isinstance(value, str):
        cut = len(value) > _VALUE_CHARS_MAX
        return repr(value[:_VALUE_CHARS_MAX]) + (f"... ({len(value)} characters)" if cut else "")
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{memoryview(value).nbytes} bytes"
    if isinstance(value, int):
        return _short_integer(value)
    if isinstance(value, tuple) and len(value) <= _ITEMS_MAX:  # a shape, as a rule
        return "(" + ", ".join(map(short, value)) + ")"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return repr(value) if value is None or isinstance(value, float) else f"a {type(value).__name__}"


def _short_integer(value: int) -> str:
    if isinstance(value, IntEnum):
        return f"{value.name} ({value.value})"
    # Python refuses to print integers of many digits, and a message wants none of them.
    bits = value.bit_length()
    return repr(value) if bits <= _INTEGER_BITS_MAX else f"an integer of {bits} bits"


def is_positive(value: object) -> bool:
    return isinstance(value, int) and value > 0


def is_text(value: object) -> bool:
    """Whether it is a text that is not empty: what makes an id *set*."""
    return isinstance(value, str) and value != ""


def refuse(kind: str, faults: Sequence[Fault]) -> None:
    """Raise InvalidRecord if there is any fault, and name them all."""
    if faults:
        raise InvalidRecord(f"{kind}: " + "; ".join(map(str, faults)))
