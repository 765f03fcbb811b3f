"""What dashboards are told: read once a second, sent to all that are open.

Used by the HTTP listener's thread only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from secrets import token_hex
from time import monotonic, time_ns
from typing import Final

from framesrv.observability.live import events
from framesrv.observability.live.history import EVERY_S, History
from framesrv.observability.live.line import Line
from framesrv.observability.live.previews import Previews
from framesrv.observability.live.reading import Reading, read
from framesrv.observability.live.snapshot import About, Json, snapshot
from framesrv.observability.readiness import Readiness
from framesrv.observability.watched import Watched
from framesrv.pool import ByteArrayPool

log = logging.getLogger("framesrv.http")

# Of the connections there are at most, so that there is always one for who asks something else.
VIEWERS_MAX: Final = 54


class Viewer:
    """One open dashboard. It is sent the newest, and nothing of what it had no room for."""

    def __init__(self, line: Line, first: bytes) -> None:
        self._line = line
        self._next: bytes | None = first
        self._news = asyncio.Event()
        self._news.set()
        self._ended = False
        line.go_on(self.end)

    def offer(self, event: bytes) -> None:
        if self._line.over:
            self.end()
        elif not self._line.unsent_bytes:
            self._line.progressed()
            self._next = event
            self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def next(self) -> bytes | None:
        """None: it is over, or the server is about to stop."""
        if not self._ended:
            await self._news.wait()
            self._news.clear()
        event, self._next = self._next, None
        return None if self._ended or self._line.over else event


class Board:
    def __init__(
        self,
        watched: Watched,
        readiness: Readiness,
        json_pool: ByteArrayPool | None = None,
        previews: Previews | None = None,
        *,
        websocket: bool = False,  # whether streams can be watched, and cameras tried
    ) -> None:
        self._watched = watched
        self._readiness = readiness
        self._pool = json_pool
        self.previews = previews
        self._history = History(watched.workers)
        self._viewers: set[Viewer] = set()
        self._number = 0  # of the events
        self._past = self._newest = b""  # those of this number, once they are made
        self._about = About(
            server_id=token_hex(8),
            version=watched.build.get("version", ""),
            python=watched.build.get("python", ""),
            workers=watched.workers,
            pool_debug=watched.pool_debug,
            budget_bytes=watched.budget_bytes,
            started_at_ms=time_ns() // 1_000_000,
            websocket=websocket,
        )

    # -- asked for -------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        data = events.snapshot_json(self._snapshot(read(self._watched)))
        return events.encoded(data, self._pool)

    @contextmanager
    def viewer(self, line: Line) -> Iterator[Viewer]:
        viewer = Viewer(line, self._first_events())
        self._viewers.add(viewer)
        try:
            yield viewer
        finally:
            self._viewers.discard(viewer)

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    @property
    def full(self) -> bool:
        return self.viewers >= VIEWERS_MAX

    # -- once a second ---------------------------------------------------------------------

    @asynccontextmanager
    async def ticking(self) -> AsyncIterator[None]:
        """And whenever the server is ready, drains, or stops."""
        loop = asyncio.get_running_loop()

        def changed() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody listens any more
                loop.call_soon_threadsafe(self._tell)

        self._history.add(read(self._watched))
        self._readiness.follow(changed)
        ticker = asyncio.create_task(self._tick_for_ever())
        try:
            yield
        finally:
            ticker.cancel()
            with suppress(asyncio.CancelledError):
                await ticker

    async def _tick_for_ever(self) -> None:
        due_s = monotonic()
        while True:
            due_s = max(due_s + EVERY_S, monotonic())  # what was slept through is not made up for
            await asyncio.sleep(due_s - monotonic())
            try:
                self.tick()
            except Exception:
                log.exception("the dashboards could not be told of the last second")

    def tick(self) -> None:
        reading = read(self._watched)
        self._history.add(reading)
        if self.previews is not None:
            self.previews.look_after()
        self._tell(reading)

    def _tell(self, reading: Reading | None = None) -> None:
        """Where nobody looks, nothing is put together."""
        self._number += 1
        self._past = self._newest = b""
        if self._viewers:
            newest = self._newest_event(reading)
            for viewer in list(self._viewers):
                viewer.offer(newest)

    def _newest_event(self, reading: Reading | None = None) -> bytes:
        if not self._newest:
            data = events.snapshot_json(self._snapshot(reading or read(self._watched)))
            self._newest = events.encoded(events.event("snapshot", self._number, data), self._pool)
        return self._newest

    def _first_events(self) -> bytes:
        """What a new dashboard is told at once: the same for all that come within a second."""
        if not self._past:
            points = events.history_json(self._history.last())
            self._past = events.encoded(events.event("history", self._number, points), self._pool)
        return events.RETRY + self._past + self._newest_event()

    def _snapshot(self, reading: Reading) -> Json:
        return snapshot(
            self._about,
            self._readiness.reason or "ready",
            reading,
            self._history,
            previews=self.previews is not None,
        )
