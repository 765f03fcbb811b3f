"""An HTTP listener in this process, and a client that can misbehave."""

from __future__ import annotations

import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from framesrv.engine.meter import Meter
from framesrv.observability.http.app import Services
from framesrv.observability.http.login import Login
from framesrv.observability.http.server import HttpServer
from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.live.board import Board
from framesrv.observability.live.previews import Previews
from framesrv.observability.metrics.scrape import registry
from framesrv.observability.readiness import Readiness
from framesrv.observability.watched import Watched
from framesrv.pool import ByteArrayPool, PoolManager

ANY_PORT = HttpAddress("127.0.0.1", 0)
HANG_S = 30.0  # for a test that fails


def watched(manager: PoolManager, meter: Meter | None = None) -> Watched:
    return Watched(
        pools=lambda: manager.stats().values(),
        frames=lambda: meter or Meter(),
        in_flight_frames=lambda: 3,
        in_flight_bytes=lambda: 4,
        streams=lambda: {"open": 5, "draining": 0},
        build={"version": "1.2.3", "python": "3"},
    )


@contextmanager
def serving(
    readiness: Readiness | None = None,
    manager: PoolManager | None = None,
    *,
    seen: Watched | None = None,
    token: str | None = None,
    json_pool: ByteArrayPool | None = None,
    previews: bool = False,
    **more: Any,
) -> Iterator[HttpServer]:
    readiness = readiness or Readiness()
    seen = seen or watched(manager or PoolManager(1 << 24))
    services = Services(
        readiness=readiness,
        metrics=registry(seen),
        board=Board(seen, readiness, json_pool, Previews(seen) if previews else None),
        configuration=b'{"settings":[]}',
        login=None if token is None else Login(token),
    )
    with listening(services, **more) as server:
        yield server


@contextmanager
def listening(services: Services, **more: Any) -> Iterator[HttpServer]:
    server = HttpServer(ANY_PORT, services, **more)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def get(server: HttpServer, path: str, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(f"http://{server.address}{path}", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=HANG_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def ask(server: HttpServer, request: bytes) -> bytes:
    """All that is answered until the connection is closed: so the request must ask for that."""
    with dialled(server) as line:
        line.sendall(request)
        return everything(line)


def everything(line: socket.socket) -> bytes:
    answer = b""
    try:
        while part := line.recv(65536):
            answer += part
    except ConnectionError:
        pass  # what came before it counts
    return answer


def dialled(server: HttpServer) -> socket.socket:
    return socket.create_connection((server.address.host, server.address.port), timeout=HANG_S)


Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: str) -> Samples:
    """By name and labels."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sample, _, value = line.rpartition(" ")
            name, _, labels = sample.partition("{")
            found[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return found


def sample(found: Samples, name: str, **labels: str) -> float:
    return found["framesrv_" + name, frozenset(labels.items())]
