"""A BytesIO that is used again and again and never shows what it held before.

A plain BytesIO that is rewound and written to keeps the previous tail: ``getvalue``, ``read``,
``seek(0, SEEK_END)`` and a gap left by ``seek`` all show it. ``truncate`` would hide it, but
frees the store, so nothing would be pooled. Here the end of what this holder wrote is the end
of the file. ``write`` stays the C method: the end is worked out when somebody asks.
"""

from __future__ import annotations

import io
import os
from typing import Any

_ZEROS = bytes(4096)


class ScratchBytesIO(io.BytesIO):
    __slots__ = ("_end", "_hole")

    def __init__(self, initial_bytes: int = 0) -> None:
        super().__init__()
        self._end = 0  # the furthest end known; a write since then may lie beyond it
        self._hole = -1  # a position beyond the end, where nothing was written yet
        super().write(bytes(initial_bytes))  # makes the store, and touches its pages
        super().seek(0)

    def restart(self) -> None:
        """Forget what was written and keep the store."""
        super().seek(0)
        self._end = 0
        self._hole = -1
        self.__dict__.clear()  # a name, say, from which Pillow would take the format

    def end(self) -> int:
        """One past the last byte written since the restart."""
        position = super().tell()
        if position != self._hole:
            self._end = max(self._end, position)
        return self._end

    def written(self) -> memoryview:
        return super().getbuffer()[: self.end()]

    def store(self) -> memoryview:
        """All bytes that the store ever held, whoever wrote them."""
        return super().getbuffer()

    def claim(self, nbytes: int) -> None:
        """The first ``nbytes`` of the store were written in place, through ``store``."""
        super().seek(nbytes)
        self._end = nbytes
        self._hole = -1

    def store_bytes(self) -> int:
        with self.store() as everything:
            return everything.nbytes

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        end = self.end()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: super().tell(), os.SEEK_END: end}.get(whence)
        if base is None:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        if whence == os.SEEK_SET and offset < 0:
            raise ValueError(f"negative seek value {offset}")
        target = max(0, base + offset)
        self._hole = target if target > end else -1
        self._hide(end, min(target, self.store_bytes()))
        return super().seek(target)

    def _hide(self, start: int, stop: int) -> None:
        """Zeros over what an earlier holder left in a gap; past the store, BytesIO does it."""
        with self.store() as store:  # not by writing: an export would forbid it
            for at in range(start, stop, len(_ZEROS)):
                piece = min(len(_ZEROS), stop - at)
                store[at : at + piece] = _ZEROS[:piece]

    def truncate(self, size: int | None = None, /) -> int:
        """Move the end only: a real truncate would free the store."""
        size = super().tell() if size is None else size
        if size < 0:
            raise ValueError(f"negative size value {size}")
        self._end = min(self.end(), size)
        self._hole = super().tell()  # truncating moves the end, never the position
        self.seek(self._hole)
        return size

    def close(self) -> None:
        """The store is the pool's, not the holder's to close. Also called by finalizers."""

    def getvalue(self) -> bytes:
        with self.written() as view:
            return bytes(view)

    def getbuffer(self) -> memoryview:
        return self.written()

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self.end() - super().tell())
        return super().read(left if size is None or size < 0 else min(size, left))

    read1 = read

    def readinto(self, buffer: Any, /) -> int:
        with memoryview(buffer).cast("B") as target:
            data = self.read(len(target))
            target[: len(data)] = data
            return len(data)

    def readline(self, size: int | None = -1, /) -> bytes:
        start = super().tell()
        limit = self.end() - start if size is None or size < 0 else min(size, self.end() - start)
        return super().readline(max(0, limit))

    def readlines(self, hint: int | None = None, /) -> list[bytes]:
        lines: list[bytes] = []
        left = hint if hint is not None and hint > 0 else self.end() + 1
        while left > 0 and (line := self.readline()):
            lines.append(line)
            left -= len(line)
        return lines

    def __next__(self) -> bytes:
        if line := self.readline():
            return line
        raise StopIteration

    def __getstate__(self) -> Any:
        raise TypeError("a pooled buffer cannot be pickled; copy it with bytes(lease.written())")
