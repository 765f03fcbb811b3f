"""HTTP connections that cannot be held: few at once, and none that makes no progress."""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS_MAX: Final = 64
# From the connection, or the last answer, to the end of the next answer. uvicorn has no limit
# for a request that trickles in, nor for an answer that is not read.
REQUEST_S_MAX: Final = 10.0


class Guarded(H11Protocol):
    """uvicorn's own, with an end to every wait."""

    _until: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS_MAX:
            transport.abort()
        else:
            self._start_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _start_waiting(self) -> None:
        self._stop_waiting()
        self._until = self.loop.call_later(REQUEST_S_MAX, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
