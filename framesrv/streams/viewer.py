"""One subscriber of a merge: a seat at its windows, and what became of the streams' frames."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from framesrv.streams.channel import Seat
from framesrv.streams.news import Event, Gap, MergedClone, State

if TYPE_CHECKING:
    from framesrv.streams.merger import Merger

MergedNews = MergedClone | Gap | Event


class Viewer:
    """Of each stream: frames published since it joined = in windows that it got + in its gaps."""

    def __init__(self, merger: Merger, queue_windows: int, wake: Callable[[], None]) -> None:
        self._merger = merger
        self._wake = wake
        self._seat = merger.told.sit(queue_windows, self._is_ready)
        self._live = {one for one in merger.stream_ids if one in merger.live}  # it was told of
        self._decided = dict(merger.decided)  # of each stream, what it was told of
        if self._seat.behind:  # of the newest window it gets all, and of those before nothing
            newest = merger.told.items[-1]
            for stream_id, decided in newest.decided.items():
                self._decided[stream_id] = decided - (stream_id in newest.held)
        self.dropped_frames = 0  # windows that fell out, in truth: each is one to it

    def take(self) -> list[MergedNews]:
        seat = self._seat
        while True:
            self.dropped_frames += seat.skip()
            window = seat.next()
            found = self._told_with(window) if window is not None else self._told_at_last()
            if found or seat.wait():
                return found

    def _told_with(self, window: MergedClone) -> list[MergedNews]:
        found: list[MergedNews] = []
        for stream_id, decided in window.decided.items():
            self._gap(found, stream_id, decided - (stream_id in window.held))
            self._decided[stream_id] = max(self._decided[stream_id], decided)
        self._started(found, self._merger.live | window.held)
        found.append(window)
        return found

    def _told_at_last(self) -> list[MergedNews]:
        """It has taken every window: what is left to say of the streams."""
        merger = self._merger
        found: list[MergedNews] = []
        self._started(found, merger.live)
        for stream_id in merger.stream_ids:
            if stream_id in merger.live or merger.holds(stream_id):
                continue
            self._gap(found, stream_id, merger.windows.decided[stream_id])
            if stream_id in self._live:
                found.append(Event(stream_id, State.ENDED))
                self._live.discard(stream_id)
        return found

    def _gap(self, found: list[MergedNews], stream_id: str, decided: int) -> None:
        missed = decided - self._decided[stream_id]
        if missed > 0:  # less: all was said when its publisher had gone
            found.append(Gap(stream_id, missed))
            self._decided[stream_id] = decided

    def _started(self, found: list[MergedNews], live: Collection[str]) -> None:
        for stream_id in self._merger.stream_ids:
            if stream_id in live and stream_id not in self._live:
                found.append(Event(stream_id, State.STARTED))
                self._live.add(stream_id)

    def _is_ready(self, _: Seat[MergedClone]) -> None:
        self._wake()

    # -- for those who watch it ------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        merger = self._merger
        held = any(map(merger.holds, merger.stream_ids))
        return not (self._seat.behind or merger.live or held)

    @property
    def has_too_much(self) -> bool:
        return False

    @property
    def lag_frames(self) -> int:
        return self._seat.behind

    @property
    def lost_frames(self) -> int:
        return self.dropped_frames + self._seat.lost

    def close(self) -> None:
        lost = self._seat.lost
        self._merger.leave(self._seat)
        self.dropped_frames += lost
