"""Open dashboards, as the server sees them: connections that read what they are sent."""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

_ASK: Final = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
_SNAPSHOT: Final = b"event: snapshot\n"
_WAIT_S: Final = 30.0


@dataclass(slots=True)
class Heard:
    nbytes: int = 0
    snapshots: int = 0


@contextmanager
def reading(http_target: str, number: int) -> Iterator[Heard]:
    """So many readers in one thread, all of them listening before the block begins."""
    heard, stop = Heard(), threading.Event()
    host, _, port = http_target.rpartition(":")
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(number):
            line = stack.enter_context(socket.create_connection((host, int(port)), _WAIT_S))
            line.sendall(_ASK)
            if not line.recv(1 << 16).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("the server has no room for another dashboard")
            selector.register(line, selectors.EVENT_READ)
        thread = threading.Thread(target=_read, args=(selector, heard, stop))
        thread.start()
        try:
            yield heard
        finally:
            stop.set()
            thread.join()


def _read(selector: selectors.BaseSelector, heard: Heard, stop: threading.Event) -> None:
    while not stop.is_set():
        for key, _ in selector.select(0.1):
            line = key.fileobj
            data = line.recv(1 << 16) if isinstance(line, socket.socket) else b""
            if not data:
                raise RuntimeError("the server has closed a dashboard")
            heard.nbytes += len(data)
            heard.snapshots += data.count(_SNAPSHOT)
