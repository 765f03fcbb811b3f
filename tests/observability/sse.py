"""Dashboards without a page: they read what one is sent, or do not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from threading import Event as Flag
from time import monotonic
from typing import Any, Final, NamedTuple

from framesrv.observability.http.server import HttpServer
from framesrv.observability.live import board
from tests.observability.helpers import HANG_S

ASK: Final = b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Event(NamedTuple):
    kind: str
    number: int
    data: Any


@contextmanager
def watching(server: HttpServer) -> Iterator[HTTPResponse]:
    connection = HTTPConnection(server.address.host, server.address.port, timeout=HANG_S)
    connection.request("GET", "/api/events")
    answer = connection.getresponse()
    try:
        yield answer
    finally:
        answer.close()
        connection.close()


def next_event(answer: HTTPResponse) -> Event | None:
    """None: the stream has ended."""
    fields: dict[str, str] = {}
    while line := answer.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            return Event(fields["event"], int(fields["id"]), json.loads(fields["data"]))
    return None


def rest(answer: HTTPResponse) -> list[Event]:
    return list(iter(lambda: next_event(answer), None))


def until(holds: Callable[[], bool]) -> bool:
    end_s, pause = monotonic() + HANG_S, Flag()
    while not holds() and monotonic() < end_s:
        pause.wait(0.005)
    return holds()


def board_of(server: HttpServer) -> board.Board:
    if server.services.board is None:
        raise AssertionError("a server without a dashboard")
    return server.services.board


def told(answer: HTTPResponse, count: int) -> bool:
    return all(next_event(answer) is not None for _ in range(count))


def deaf_reader(held: ExitStack, server: HttpServer) -> socket.socket:
    """It asks for events, has little room for them, and does not read."""
    line = small_line(held, server)
    line.sendall(ASK)
    return line


def small_line(held: ExitStack, server: HttpServer) -> socket.socket:
    line = held.enter_context(socket.socket())
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.settimeout(HANG_S)
    line.connect((server.address.host, server.address.port))
    return line
