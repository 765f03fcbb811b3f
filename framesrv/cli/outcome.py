"""How a command ends: an exit code for scripts, and one line for people."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType
from typing import Any


class Exit(IntEnum):
    OK = 0
    FRAMES = 1  # some frames failed or were dropped
    USAGE = 2  # bad arguments; a source or an output that cannot be used
    SERVER = 3  # not reachable, or it refused the call
    INTERRUPTED = 130


class Fault(Exception):
    """Ends the command. The text says what is wrong, what is allowed and what to do."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def counted(number: int, what: str) -> str:
    """
    >>> counted(1, "frame"), counted(2000, "frame")
    ('1 frame', '2000 frames')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def hide_password(address: str) -> str:
    """
    >>> hide_password("rtsp://me:secret@camera:554/live"), hide_password("rtsp://camera/live")
    ('rtsp://me:***@camera:554/live', 'rtsp://camera/live')
    """
    scheme, mark, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    login, at, place = host.rpartition("@")
    if not mark or not at or ":" not in login:
        return address
    return f"{scheme}://{login.partition(':')[0]}:***@{place}{slash}{path}"


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does: tidily. Only the main thread can say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> Any:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
