"""What the handlers of gRPC calls use of their context, offered for a call over WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import grpc

from framesrv.errors import Refused
from framesrv.transport.websocket.pipe import Pipe
from framesrv.transport.websocket.status import Status, of_abort

Metadata = tuple[tuple[str, str], ...]


class HalfClose:
    """The client has sent all that it wanted to send."""


class Ended(Exception):
    """The call was aborted by its handler."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


# A message, the end of them, or why what came is none.
Incoming = bytes | HalfClose | Refused


class CallContext:
    """Used on the event loop of the gRPC server."""

    def __init__(
        self, peer: str, metadata: Metadata, down: Pipe[Incoming], up: Pipe[bytes]
    ) -> None:
        self._peer = peer
        self._metadata = metadata
        self._down = down
        self._up = up
        self._read_all = False
        self._callbacks: list[Callable[[Any], None]] = []

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> Metadata:
        return self._metadata

    async def send_initial_metadata(self, _: Any) -> None:
        """The change of protocol has said all that they would."""

    def set_trailing_metadata(self, _: Any) -> None:
        """There is no place for any."""

    def time_remaining(self) -> None:
        """No deadline: a browser that wants no more closes."""

    async def read(self) -> Any:
        """A message, or EOF. Raises Refused where the client sent what is no message."""
        if self._read_all:
            return grpc.aio.EOF
        item = await self._down.take()
        if isinstance(item, bytes):
            return item
        self._read_all = True
        if isinstance(item, Refused):
            raise item
        return grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        await self._up.room()
        self._up.put(message)

    async def abort(
        self,
        code: grpc.StatusCode,
        text: str = "",
        trailing_metadata: tuple[tuple[str, Any], ...] = (),
    ) -> NoReturn:
        raise Ended(of_abort(code, text, trailing_metadata))

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._callbacks.append(callback)

    def done(self) -> None:
        """The call is over, its status sent or nobody there to take it."""
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)
