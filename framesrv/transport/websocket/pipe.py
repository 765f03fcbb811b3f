"""A few items from one event loop to another, in order, and no more than there is room for.

Each loop has a thread of its own, so what both see is changed under a lock, for an instant. Whoever
waits does so on its own loop, may be cancelled at any time, and loses nothing by that: an item is
put and taken without waiting, after the wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from threading import Lock
from typing import Generic, TypeVar

from framesrv.transport.answers import call_later

T = TypeVar("T")
_Waiter = asyncio.Future[None]


class Pipe(Generic[T]):
    """One task puts, one other takes."""

    def __init__(
        self,
        source: asyncio.AbstractEventLoop,
        target: asyncio.AbstractEventLoop,
        capacity: int = 1,
    ) -> None:
        self._source = source
        self._target = target
        self._capacity = capacity
        self._lock = Lock()
        self._items: deque[T] = deque()
        self._ended = False
        self._putter: _Waiter | None = None
        self._taker: _Waiter | None = None

    async def room(self) -> None:
        """Until one more item may be put. It stays: nobody else puts one."""
        while True:
            with self._lock:
                if len(self._items) < self._capacity:
                    return
                waiter = self._putter = self._source.create_future()
            await waiter

    def put(self, item: T) -> None:
        """After ``room``."""
        with self._lock:
            if len(self._items) >= self._capacity:
                raise RuntimeError("there is no room")
            self._items.append(item)
            waiter, self._taker = self._taker, None
        _wake(self._target, waiter)

    async def take(self) -> T | None:
        """None: that was all."""
        while True:
            with self._lock:
                if self._items:
                    item = self._items.popleft()
                    freed, self._putter = self._putter, None
                    break
                if self._ended:
                    return None
                waiter = self._taker = self._target.create_future()
            await waiter
        _wake(self._source, freed)
        return item

    def end(self) -> None:
        """Nothing more comes. From any thread, as often as wanted."""
        with self._lock:
            self._ended = True
            waiter, self._taker = self._taker, None
        _wake(self._target, waiter)


def _wake(loop: asyncio.AbstractEventLoop, waiter: _Waiter | None) -> None:
    if waiter is not None:
        call_later(loop, lambda: _end(waiter))


def _end(waiter: _Waiter) -> None:
    if not waiter.done():  # else it was cancelled
        waiter.set_result(None)
