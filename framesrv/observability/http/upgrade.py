"""From HTTP to WebSocket: the request has come through the doors like any other, and is answered
by a change of protocol. What is refused is refused in HTTP."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from wsproto.utilities import generate_accept_token

from framesrv.observability.http.guard import Guarded
from framesrv.observability.http.websocket import OPEN_MAX, WebSocket
from framesrv.observability.live import line
from framesrv.observability.refusals import Refusal, refused

Serve = Callable[[WebSocket], Awaitable[None]]

_KEY_BYTES: Final = 16
_NO_UPGRADE: Final = Refusal(
    426,
    "no_upgrade",
    "this is for WebSocket: Connection: Upgrade, Upgrade: websocket",
    {"Upgrade": "websocket", "Connection": "Upgrade"},
)
_OTHER_VERSION: Final = Refusal(
    426,
    "websocket_version",
    "WebSocket is spoken here in version 13",
    {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
)
_NO_KEY: Final = Refusal(400, "no_websocket_key", "Sec-WebSocket-Key must be 16 bytes as base64")
_FULL: Final = Refusal(
    503,
    "too_many_websockets",
    f"{OPEN_MAX} WebSockets are open, and there may be no more: close one, or come back later",
    {"Retry-After": "5", "Connection": "close"},
)


@dataclass(slots=True, kw_only=True)
class WebSockets:
    """What is served over WebSocket, by path."""

    served: Mapping[str, Serve]
    max_message_bytes: int
    open: set[WebSocket] = field(default_factory=set)

    def endpoint(self, path: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return self._answer(request, self.served[path])

        return answer

    def _answer(self, request: Request, serve: Serve) -> Response:
        if len(self.open) >= OPEN_MAX:
            # First: a page that was not let in asks why in HTTP, since it was not told.
            return refused(request.scope, _FULL)
        guarded = line.of(request.scope)
        if not isinstance(guarded, Guarded) or not guarded.may_switch:
            return refused(request.scope, _NO_UPGRADE)
        if request.headers.get("sec-websocket-version", "").strip() != "13":
            return refused(request.scope, _OTHER_VERSION)
        key = request.headers.get("sec-websocket-key", "").strip()
        if not _is_key(key):
            return refused(request.scope, _NO_KEY)
        return _Switch(self, serve, guarded, key.encode())


class _Switch(Response):
    """Goes on for as long as the WebSocket is open."""

    def __init__(self, sockets: WebSockets, serve: Serve, guarded: Guarded, key: bytes) -> None:
        super().__init__(None, 101)
        self._sockets = sockets
        self._serve = serve
        self._guarded = guarded
        self._key = key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]
        }
        client = scope.get("client")
        peer = f"{client[0]}:{client[1]}" if client else ""
        socket = WebSocket(peer, headers, self._sockets.max_message_bytes)
        accept = (
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-accept", generate_accept_token(self._key)),
        )
        if not self._guarded.switch_to(socket, accept):
            return
        self._sockets.open.add(socket)
        try:
            await self._serve(socket)
        finally:
            self._sockets.open.discard(socket)
            socket.transport.abort()  # where it was not closed, nobody waits for it


def _is_key(key: str) -> bool:
    try:
        return len(b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        return False
