"""What an open stream has done so far, for those who watch the server.

The thread that runs the streams writes, and any other reads: each attribute is replaced whole.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import NamedTuple, Protocol

from framesrv.frames.work import FrameReport
from framesrv.streams.session import Session


class Answered(NamedTuple):
    ok: int = 0
    failed: int = 0
    dropped: int = 0


class Watcher(Protocol):
    """Somebody who wants to see pictures of a stream. Called by the workers, frame by frame."""

    def offer(self, report: FrameReport) -> None:
        """Copy what is wanted, and quickly: the report's buffers are used again after this."""
        ...


class StreamTally:
    __slots__ = (
        "answered", "last_ns", "opened_ns", "published", "received", "session", "stream_id",
        "watcher",
    )  # fmt: skip

    def __init__(
        self, stream_id: str = "", *, published: bool = False, session: Session | None = None
    ) -> None:
        self.stream_id = stream_id
        self.published = published
        self.session = session
        self.opened_ns = self.last_ns = monotonic_ns()  # last: when a frame came last
        self.received = 0
        self.answered = Answered()
        self.watcher: Watcher | None = None  # set and unset by the one that watches

    def came(self, frames: int, at_ns: int) -> None:
        self.received += frames
        self.last_ns = at_ns

    def went(self, ok: int, failed: int, dropped: int) -> None:
        before = self.answered
        self.answered = Answered(before.ok + ok, before.failed + failed, before.dropped + dropped)

    @property
    def in_flight(self) -> int:
        session = self.session
        return 0 if session is None else session.in_flight

    @property
    def window(self) -> int:
        session = self.session
        return 0 if session is None else session.window
