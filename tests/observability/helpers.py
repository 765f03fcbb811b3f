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
from framesrv.observability.metrics import registry
from framesrv.observability.readiness import Readiness
from framesrv.observability.server import HttpServer
from framesrv.observability.settings import HttpAddress
from framesrv.observability.watched import Watched
from framesrv.pool import PoolManager

ANY_PORT = HttpAddress("127.0.0.1", 0)


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
    readiness: Readiness | None = None, manager: PoolManager | None = None, **more: Any
) -> Iterator[HttpServer]:
    metrics = registry(watched(manager or PoolManager(1 << 24)))
    server = HttpServer(ANY_PORT, readiness or Readiness(), metrics, **more)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def get(server: HttpServer, path: str, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(f"http://{server.address}{path}", headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def dialled(server: HttpServer) -> socket.socket:
    return socket.create_connection((server.address.host, server.address.port), timeout=20)


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
