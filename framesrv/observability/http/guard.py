"""HTTP connections that cannot be held: few at once, and none that makes no progress."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from framesrv.observability.http.headers import SAFE
from framesrv.observability.live import line

log = logging.getLogger("framesrv.http")

CONNECTIONS_MAX: Final = 64
# From the connection, or the last answer, to the end of the next answer. uvicorn has no limit
# for a request that trickles in, nor for an answer that is not read. Of an answer without end,
# each part must have gone out by then.
REQUEST_S_MAX: Final = 10.0
# Heads and chunked bodies are read line by line. That is slow, and nobody else is served meanwhile;
# a browser's request has some twenty lines.
LINES_MAX: Final = 256
# So much of an answer without end may be on its way in the system, and old when it is read.
_SEND_BUFFER_BYTES: Final = 64 * 1024


class Next(asyncio.Protocol, ABC):
    """What a connection may become."""

    @abstractmethod
    def begin(self, transport: asyncio.Transport, connections: set[Any], data: bytes) -> None:
        """It is one of the connections from now on; ``data`` came after the request."""


class Guarded(H11Protocol):
    """uvicorn's own, with an end to every wait."""

    _until: asyncio.TimerHandle | None = None
    _lines = 0  # that came since the last answer
    _when_over: Callable[[], None] | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.app_state = line.put(self.app_state, self)

    # -- few at once -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # Those that speak another protocol by now have a number of their own.
        here = sum(isinstance(one, Guarded) for one in self.connections)
        if here > CONNECTIONS_MAX and not self._send_one_home():
            self._refused("too many connections", 0)
            transport.abort()
        else:
            self._start_waiting()

    def _send_one_home(self) -> bool:
        """Of those that we wait for and not they for us, the one that we wait for the longest.

        Browsers keep connections for later that they may never use; others mean to be in the way.
        """
        awaited = {
            one: one._until.when()
            for one in self.connections
            if isinstance(one, Guarded) and one is not self and one._until and one._is_awaited
        }
        if not awaited:
            return False
        min(awaited, key=lambda one: awaited[one]).transport.abort()
        return True

    @property
    def _is_awaited(self) -> bool:
        if self.over or self._when_over is not None:
            return False
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY} or self.flow.write_paused

    # -- and none that makes no progress ---------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._lines += data.count(b"\n")
        if self._lines > LINES_MAX:
            self._turn_away("the request has too many lines", 431)
        else:
            super().data_received(data)

    def on_response_complete(self) -> None:
        self._lines = 0
        super().on_response_complete()
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)
        self._tell_over()

    def shutdown(self) -> None:
        super().shutdown()
        if self._when_over is not None and self.unsent_bytes:
            self.transport.abort()  # nobody waits for a reader that is behind
        self._tell_over()

    def go_on(self, when_over: Callable[[], None]) -> None:
        self._when_over = when_over
        sent_through = self.transport.get_extra_info("socket")
        sent_through.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)

    @property
    def unsent_bytes(self) -> int:
        return 0 if self.over else self.transport.get_write_buffer_size()

    @property
    def over(self) -> bool:
        return self.transport.is_closing()

    def progressed(self) -> None:
        self._start_waiting()

    def _tell_over(self) -> None:
        tell, self._when_over = self._when_over, None
        if tell is not None:
            tell()

    def _start_waiting(self) -> None:
        self._stop_waiting()
        self._until = self.loop.call_later(REQUEST_S_MAX, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    # -- another protocol ------------------------------------------------------------------

    def _should_upgrade(self) -> bool:
        """Not here: the request goes its way through the doors first."""
        return False

    @property
    def may_switch(self) -> bool:
        """Whether the request, which has come whole, asks for WebSocket."""
        return (
            self._get_upgrade() == b"websocket"
            and (self.scope["method"], self.scope["http_version"]) == ("GET", "1.1")
            and self.conn.their_state is h11.MIGHT_SWITCH_PROTOCOL  # type: ignore[attr-defined]
        )

    def switch_to(self, next_one: Next, headers: Sequence[tuple[bytes, bytes]]) -> bool:
        """Answer the request with a change of protocol. False: the connection is lost."""
        if self.transport.is_closing():
            return False
        self._stop_waiting()
        self._unset_keepalive_if_required()
        answer = h11.InformationalResponse(
            status_code=101, headers=list(headers), reason=b"Switching Protocols"
        )
        self.transport.write(self.conn.send(answer) or b"")
        self.cycle.disconnected = True  # nothing more is said in HTTP
        self.connections.discard(self)
        self.transport.set_protocol(next_one)
        next_one.begin(self.transport, self.connections, self.conn.trailing_data[0])
        return True

    # -- what is no request ----------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Called while the parser's error is being handled, which knows better than 400."""
        status, text = _told(sys.exception(), msg)
        self._turn_away(text, status)

    def _turn_away(self, text: str, status: int) -> None:
        self._refused(text, status)
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.abort()  # in the middle of an answer
            return
        body = f"{text}\n".encode()
        headers = [
            *SAFE,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        reason = HTTPStatus(status).phrase.encode()
        events = (
            h11.Response(status_code=status, headers=headers, reason=reason),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _refused(self, why: str, status: int) -> None:
        peer = self.client[0] if self.client else ""
        log.warning(
            "an HTTP request was refused", extra={"reason": why, "status": status, "peer": peer}
        )


def _told(error: BaseException | None, otherwise: str) -> tuple[int, str]:
    status = getattr(error, "error_status_hint", 400)
    if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
        return status, "the headers are too large"
    return status if status in {400, 501} else 400, otherwise
