"""The streams that are open, and which of them publish."""

from __future__ import annotations

from typing import Final

from framesrv.errors import Reason, Refused
from framesrv.streams.tally import StreamTally

_RETRY_AFTER_S: Final = 1.0


class StreamRegistry:
    """Changed by one thread; any other may ask for ``tallies`` and ``published``."""

    def __init__(self, max_streams: int = 1024) -> None:
        self.max_streams = max_streams
        self._tallies: set[StreamTally] = set()
        self._publishers: dict[str, StreamTally] = {}

    @property
    def open(self) -> int:
        return len(self._tallies)

    def tallies(self) -> tuple[StreamTally, ...]:
        return tuple(self._tallies)

    def published(self, stream_id: str) -> StreamTally | None:
        return self._publishers.get(stream_id)

    def enter(self, tally: StreamTally) -> None:
        """One more stream. Its id must be its own if it offers its results to others."""
        if self.open >= self.max_streams:
            raise self.too_many(self.open)
        if tally.published:
            if tally.stream_id in self._publishers:
                raise Refused(
                    Reason.STREAM_TAKEN,
                    "another client publishes a stream of this id: choose another id, or wait "
                    "until it ends",
                )
            self._publishers[tally.stream_id] = tally
        self._tallies.add(tally)

    def too_many(self, count: int) -> Refused:
        return Refused(
            Reason.TOO_MANY_STREAMS,
            f"{count} streams are open and the server allows {self.max_streams}: close one, or "
            "try again later",
            _RETRY_AFTER_S,
        )

    def leave(self, tally: StreamTally) -> None:
        self._tallies.discard(tally)
        if self._publishers.get(tally.stream_id) is tally:
            del self._publishers[tally.stream_id]
        tally.session = tally.watcher = None  # whoever still counts it keeps nothing else
