"""Subscribers that were ended for taking nothing, and have not hung up.

Their status waits behind the message that they do not read, and gRPC keeps both until they do: it
knows no other end than theirs. As long as it keeps them, each counts as a subscriber: else whoever
subscribes anew after each end would have it keep as many as it likes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

from framesrv.streams import Dispatcher

_DRAINING_S: Final = 1.0  # for the status of one that reads; nobody else holds up a server's end


class Goodbyes:
    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._waiting: set[asyncio.Timeout] = set()
        self._draining = False

    async def say(self, refusing: Awaitable[None]) -> None:
        """Until the client has read its status or is gone, or the server drains."""
        self._dispatcher.unread += 1
        timeout = asyncio.timeout(_DRAINING_S if self._draining else None)
        self._waiting.add(timeout)
        try:
            with suppress(TimeoutError):
                async with timeout:
                    await refusing
        finally:
            self._waiting.discard(timeout)
            self._dispatcher.unread -= 1

    def drain(self) -> None:
        self._draining = True
        end_s = asyncio.get_running_loop().time() + _DRAINING_S
        for timeout in self._waiting:
            if timeout.when() is None:
                timeout.reschedule(end_s)
