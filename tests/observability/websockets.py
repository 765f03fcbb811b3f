"""An HTTP listener with WebSockets that only listen or echo, and a client that can misbehave."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final

from framesrv.observability.http.app import Services
from framesrv.observability.http.login import Login
from framesrv.observability.http.server import HttpServer
from framesrv.observability.http.upgrade import WebSockets
from framesrv.observability.http.websocket import WebSocket
from framesrv.observability.metrics.scrape import registry
from framesrv.observability.readiness import Readiness
from framesrv.pool import PoolManager
from tests.observability.helpers import dialled, listening, watched

KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT: Final = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # of RFC 6455, for that key
MAX_BYTES: Final = 100_000
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


class Served:
    """What was served, and how each ended."""

    def __init__(self) -> None:
        self.sockets: list[WebSocket] = []
        self.ended = 0
        self.go_on = asyncio.Event()  # for the one that does not read

    async def echo(self, found: WebSocket) -> None:
        self.sockets.append(found)
        try:
            while True:
                await found.send(await found.receive())
        except ConnectionError:
            pass
        finally:
            self.ended += 1

    async def deaf(self, found: WebSocket) -> None:
        """Reads one message, and then no more until it is told."""
        self.sockets.append(found)
        try:
            await found.receive()
            await self.go_on.wait()
            while await found.receive():
                pass
        except ConnectionError:
            pass
        finally:
            self.ended += 1

    async def flood(self, found: WebSocket) -> None:
        """Answers the first message with messages without end."""
        self.sockets.append(found)
        try:
            await found.receive()
            while True:
                await found.send(bytes(20_000))
        except ConnectionError:
            pass
        finally:
            self.ended += 1

    async def farewell(self, found: WebSocket) -> None:
        """Answers the first message, and closes."""
        self.sockets.append(found)
        try:
            await found.receive()
            await found.send("good bye")
            await found.close(4003, "enough")
        except ConnectionError:
            pass
        finally:
            self.ended += 1


@contextmanager
def serving_websockets(
    served: Served | None = None, *, token: str | None = None, **more: Any
) -> Iterator[HttpServer]:
    served = served or Served()
    names = ("echo", "deaf", "flood", "farewell")
    paths = {f"/ws/{name}": getattr(served, name) for name in names}
    services = Services(
        readiness=Readiness(),
        metrics=registry(watched(PoolManager(1 << 24))),
        login=None if token is None else Login(token),
        websockets=WebSockets(served=paths, max_message_bytes=MAX_BYTES),
    )
    with listening(services, **more) as server:
        yield server


def handshake(path: str = "/ws/echo", **headers: str) -> bytes:
    given = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
    } | {name.replace("_", "-"): text for name, text in headers.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {text}" for name, text in given.items() if text)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, mask: bool = True) -> bytes:
    size = len(data)
    if size < 126:
        length = bytes([size | 0x80 * mask])
    elif size < 1 << 16:
        length = bytes([126 | 0x80 * mask]) + struct.pack("!H", size)
    else:
        length = bytes([127 | 0x80 * mask]) + struct.pack("!Q", size)
    key = b"mask"  # always the same: frames are parameters of tests, and each worker makes them
    masked = bytes(byte ^ key[at % 4] for at, byte in enumerate(data)) if any(data) else b""
    if mask and not masked:
        masked = (key * (size // 4 + 1))[:size]
    return bytes([opcode | 0x80 * fin]) + length + (key + masked if mask else data)


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Line:
    """A client's end of a WebSocket."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self._came = b""

    def send(self, *parts: bytes) -> None:
        self.raw.sendall(b"".join(parts))

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self._came:
            self._more()
        head, _, self._came = self._came.partition(b"\r\n\r\n")
        return head

    def next(self) -> tuple[int, bytes]:
        """The next frame: its opcode, its data."""
        first, second = self._take(2)
        size = second & 127
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        assert not second & 0x80, "a server does not mask"
        return first & 15, self._take(size)

    def closed(self) -> tuple[int, str]:
        """Code and reason of the close frame that comes, whatever comes before it."""
        while True:
            opcode, data = self.next()
            if opcode == CLOSE:
                return struct.unpack("!H", data[:2])[0], data[2:].decode()

    def is_cut_off(self) -> bool:
        try:
            while self.raw.recv(1 << 16):
                pass
        except ConnectionError:
            pass
        return True

    def _take(self, size: int) -> bytes:
        while len(self._came) < size:
            self._more()
        found, self._came = self._came[:size], self._came[size:]
        return found

    def _more(self) -> None:
        part = self.raw.recv(1 << 16)
        if not part:
            raise ConnectionResetError("the server has closed the connection")
        self._came += part


@contextmanager
def line_to(server: HttpServer, path: str = "/ws/echo", data: bytes = b"") -> Iterator[Line]:
    """An open WebSocket; ``data`` is sent with the handshake, before it is answered."""
    with dialled(server) as raw:
        line = Line(raw)
        line.send(handshake(path), data)
        head = line.head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        assert ACCEPT in head
        yield line


def until(holds: Callable[[], object]) -> None:
    end_s, pause = monotonic() + 60, threading.Event()
    while not holds():
        assert monotonic() < end_s
        pause.wait(0.005)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])
