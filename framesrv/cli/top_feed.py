"""What a server tells its dashboards, as `framesrv top` hears it: server-sent events over HTTP."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from framesrv.cli.outcome import Exit, Fault

_PATH: Final = "/api/events"
_SILENCE_S_MAX: Final = 5.0  # a snapshot comes once a second
_LINE_BYTES_MAX: Final = 4 * 1024 * 1024
_TOLD_MAX: Final = 300

Event = tuple[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the HTTP listener is, and how it is spoken to."""

    host: str
    port: int
    token: str | None = None
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def connection(self) -> http.client.HTTPConnection:
        if self.tls is not None:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=_SILENCE_S_MAX, context=self.tls
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=_SILENCE_S_MAX)


class Lost(Exception):
    """Nobody there, or no longer: worth trying again."""


@contextmanager
def listening(place: Place) -> Iterator[Iterator[Event]]:
    """The events as they come. Raises Lost when they end, Fault when they will never come."""
    connection = place.connection()
    try:
        yield _events(place, connection)
    finally:
        connection.close()


def _events(place: Place, connection: http.client.HTTPConnection) -> Iterator[Event]:
    headers = {"Accept": "text/event-stream"}
    if place.token is not None:
        headers["Authorization"] = f"Bearer {place.token}"
    try:
        connection.request("GET", _PATH, headers=headers)
        with connection.getresponse() as answer:
            _check(place, answer)
            yield from _parsed(answer)
    except ssl.SSLError as error:
        raise Fault(f"no TLS with {place}: {error.reason or error}", Exit.SERVER) from None
    except ConnectionRefusedError:
        raise Lost(
            f"nobody listens for HTTP at {place}: start a server (framesrv serve), or say where "
            "it is (--http HOST:PORT)"
        ) from None
    except http.client.BadStatusLine as error:
        if isinstance(error, http.client.RemoteDisconnected):
            raise Lost(f"{place} has closed the connection") from None
        raise Fault(f"what listens at {place} does not speak HTTP", Exit.SERVER) from None
    except (OSError, http.client.HTTPException) as error:
        raise Lost(f"{place}: {getattr(error, 'strerror', None) or error}") from None
    raise Lost(f"{place} has ended the connection")


def _check(place: Place, answer: http.client.HTTPResponse) -> None:
    status = answer.status
    kind = answer.getheader("Content-Type", "")
    if status == HTTPStatus.OK and kind.startswith("text/event-stream"):
        return
    if status == HTTPStatus.UNAUTHORIZED:
        raise Fault(
            f"{place} asks for its token: give --token-file FILE, with what is in the server's "
            "--http-token-file",
            Exit.SERVER,
        )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        raise Lost(f"{place} has as many connections as it takes")
    if status in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
        raise Fault(f"what listens at {place} is not framesrv, or an older one", Exit.SERVER)
    told = answer.read(_TOLD_MAX).decode(errors="replace").strip()
    raise Fault(f"{place} answers {status}: {told or answer.reason}", Exit.SERVER)


def _parsed(answer: http.client.HTTPResponse) -> Iterator[Event]:
    """Of the format only what our server uses: one line of data an event."""
    name, data = "", b""
    while line := answer.readline(_LINE_BYTES_MAX):
        field, _, value = line.rstrip(b"\r\n").partition(b":")
        if field == b"event":
            name = value.strip().decode(errors="replace")
        elif field == b"data":
            data = value
        elif not field and data:
            with suppress(ValueError):  # cut off in the middle: the next one is whole
                yield name, json.loads(data)
            name, data = "", b""
