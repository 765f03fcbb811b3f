"""Single keys from a terminal, without waiting for the end of a line; none where it cannot be."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

HUNG_UP: Final = "\x04"  # also what Ctrl-D sends
_READ_MAX: Final = 64


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for keys, and returns them, or an empty text."""
    if os.name != "posix" or not sys.stdin.isatty():
        never = Event()

        def no_key(wait_s: float) -> str:
            never.wait(wait_s)
            return ""

        yield no_key
        return

    import termios
    import tty

    number = sys.stdin.fileno()

    def key(wait_s: float) -> str:
        ready, _, _ = select.select([number], [], [], wait_s)
        if not ready:
            return ""
        return os.read(number, _READ_MAX).decode(errors="replace") or HUNG_UP

    before = termios.tcgetattr(number)
    tty.setcbreak(number)  # Ctrl-C stays an interrupt
    try:
        yield key
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
