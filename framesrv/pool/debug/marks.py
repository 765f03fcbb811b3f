"""How each sort of buffer is marked as returned, and how damage to the mark is told."""

from __future__ import annotations

import copy
from typing import Any, Final, Protocol

import numpy as np

from framesrv.pool.scratch import ScratchBytesIO
from framesrv.pool.slot import Slot

POISON: Final = 0xFF
_AXES: Final = ("row", "column", "channel")


class Mark(Protocol):
    def put_on(self, item: Any) -> None:
        """Mark a buffer that came home, or is new."""

    def damage(self, slot: Slot) -> str | None:
        """What was done to the mark since; None if nothing."""

    def rewind(self, item: Any) -> None:
        """Make ready without touching the evidence."""


class ArrayMark:
    def put_on(self, item: Any) -> None:
        as_bytes(item).fill(POISON)

    def damage(self, slot: Slot) -> str | None:
        content = as_bytes(slot.item)
        if content.min() == POISON:
            return None
        dirty = np.flatnonzero(content != POISON)
        shape, itemsize = slot.last_shape or slot.item.shape, slot.item.itemsize
        first, last = (place(int(offset), shape, itemsize) for offset in (dirty[0], dirty[-1]))
        return f"{dirty.size} byte(s) differ, first at {first}, last at {last}"

    def rewind(self, item: Any) -> None:
        """An array has no position."""


def as_bytes(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return array.reshape(-1).view(np.uint8)


def place(offset: int, shape: tuple[int, ...], itemsize: int) -> str:
    """Where a byte lies in an image.

    >>> place(5, (2, 2, 3), 1)
    'row 0, column 1, channel 2 (offset 5)'
    """
    element = offset // itemsize
    if element >= np.prod(shape):
        return f"offset {offset}, past the end of the view that was lent"
    index = np.unravel_index(element, shape)
    names = _AXES if len(shape) <= len(_AXES) else [f"axis {axis}" for axis in range(len(shape))]
    where = ", ".join(f"{name} {i}" for name, i in zip(names, index, strict=False))
    return f"{where} (offset {offset})"


class BytesMark:
    """For a bytearray all of it, for a BytesIO all of the store that was ever used."""

    def put_on(self, item: Any) -> None:
        with _store(item) as store:
            store[:] = bytes([POISON]) * store.nbytes

    def damage(self, slot: Slot) -> str | None:
        with _store(slot.item) as store:
            dirty = np.flatnonzero(np.frombuffer(store, np.uint8) != POISON)
        if not dirty.size:
            return None
        return (
            f"{dirty.size} byte(s) differ, first at offset {dirty[0]}, last at offset {dirty[-1]}"
        )

    def rewind(self, item: Any) -> None:
        if isinstance(item, ScratchBytesIO):
            item.restart()


def _store(item: Any) -> memoryview:
    return item.store() if isinstance(item, ScratchBytesIO) else memoryview(item)


class RecordMark:
    """A record at home is in its zero state; a field that is not was written afterwards.

    Fields are compared with what they were when the record came home: the same object, or an
    equal one. What cannot be compared is not accused.
    """

    def __init__(self) -> None:
        self._zero: dict[int, dict[str, tuple[object, object]]] = {}  # by the record's id

    def put_on(self, item: Any) -> None:
        item.reset()
        self._zero[id(item)] = {name: _remember(item, name) for name in field_names(item)}

    def damage(self, slot: Slot) -> str | None:
        remembered = self._zero[id(slot.item)]
        changed = [
            name for name, value in remembered.items() if not _unchanged(slot.item, name, value)
        ]
        return f"fields changed: {', '.join(changed)}" if changed else None

    def rewind(self, item: Any) -> None:
        """A record has no position."""


def _remember(item: object, name: str) -> tuple[object, object]:
    value = getattr(item, name, None)
    return value, copy.copy(value) if isinstance(value, list | dict | set | bytearray) else value


def _unchanged(item: object, name: str, remembered: tuple[object, object]) -> bool:
    value, content = remembered
    now = getattr(item, name, None)
    if now is content:
        return True
    try:
        return type(now) is type(value) and bool(now == content)
    except Exception:  # an array, say: nobody can tell
        return type(now) is type(value)


def field_names(record: object) -> list[str]:
    slots = [name for base in type(record).__mro__ for name in getattr(base, "__slots__", ())]
    return sorted({*slots, *getattr(record, "__dict__", {})} - {"__weakref__", "__dict__"})
