"""Writes the log where its reader may stop to read: nobody who logs ever waits for that.

A pipe that is full, or a terminal that was stopped, holds up whoever writes to it. Of many lines
that is the event loop: every call would stand still with it, health checks among them. So a
thread of its own writes, and what finds no room to wait for it is lost and counted.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from time import sleep
from typing import Final, TextIO

_BYTES_MAX: Final = 1024 * 1024  # that wait to be written
_LAST_S: Final = 1.0  # for what is left at the end
_RETRY_S: Final = 0.05


def may_wait(stream: TextIO) -> bool:
    """Whether a write to it takes as long as somebody else likes."""
    try:
        return not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):  # of no descriptor, such as a StringIO; or closed
        return False


class LineWriter:
    """In place of a stream, by which others may go on writing to the same descriptor."""

    def __init__(self, descriptor: int, bytes_max: int = _BYTES_MAX) -> None:
        self._descriptor = descriptor
        self._bytes_max = bytes_max
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        # Their difference is what waits. Each is changed by one side only.
        self._taken_bytes = self._done_bytes = 0
        self._lost = 0
        # Not by way of the stream: one that is held up in there would break the process's end.
        self._thread = Thread(target=self._run, name="framesrv-log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """A whole line. Called by one thread at a time."""
        data = text.encode(errors="backslashreplace")
        if not self._thread.is_alive():  # in a child of a fork, or after the end
            self._write(data)
        elif self._waiting_bytes + len(data) > self._bytes_max:
            self._lost += 1
        else:
            self._taken_bytes += len(data)
            self._lines.put(data)
        return len(text)

    def settle(self) -> int:
        """How many lines were lost since this was last told; 0 too while there is no room again."""
        if not self._lost or self._waiting_bytes > self._bytes_max // 2:
            return 0
        lost, self._lost = self._lost, 0
        return lost

    def flush(self) -> None:
        """Lines are written as soon as can be."""

    def close(self) -> None:
        """Write what is left, for as long as that may take at an end."""
        self._lines.put(None)
        self._thread.join(_LAST_S)

    @property
    def _waiting_bytes(self) -> int:
        return self._taken_bytes - self._done_bytes

    def _run(self) -> None:
        while (data := self._lines.get()) is not None:
            self._write(data)
            self._done_bytes += len(data)

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # nobody is left to tell
            while data:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:  # somebody else chose not to wait on this descriptor
                    sleep(_RETRY_S)
