"""The streams that are open, and which of them publish."""

from __future__ import annotations

from typing import Final

from framesrv.errors import Reason, Refused

_RETRY_AFTER_S: Final = 1.0


class StreamRegistry:
    """Used by one thread."""

    def __init__(self, max_streams: int = 1024) -> None:
        self.max_streams = max_streams
        self.open = 0
        self._publishers: set[str] = set()

    def enter(self, publish_as: str = "") -> None:
        """One more stream; ``publish_as`` is its id if it offers its results to others."""
        if self.open >= self.max_streams:
            raise self.too_many(self.open)
        if publish_as in self._publishers:
            raise Refused(
                Reason.STREAM_TAKEN,
                "another client publishes a stream of this id: choose another id, or wait until "
                "it ends",
            )
        if publish_as:
            self._publishers.add(publish_as)
        self.open += 1

    def too_many(self, count: int) -> Refused:
        return Refused(
            Reason.TOO_MANY_STREAMS,
            f"{count} streams are open and the server allows {self.max_streams}: close one, or "
            "try again later",
            _RETRY_AFTER_S,
        )

    def leave(self, publish_as: str = "") -> None:
        self.open -= 1
        self._publishers.discard(publish_as)
