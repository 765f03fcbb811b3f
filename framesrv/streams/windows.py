"""Frames of several streams joined by their time: a window each so many milliseconds.

Pure: it is told what time it is. Time is of two clocks: which window a frame belongs to is said by
the clock of its capture, how long a window waits by the server's. They are compared once a window:
the first frame of it says how far away its end is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from framesrv.streams.news import Clone

WINDOWS_MAX: Final = 64  # open at once; of more, the oldest is over
# A capture later than its arrival is a clock that is wrong, and would end all windows before it.
_AHEAD_NS_MAX: Final = 5_000_000_000
_SILENCE_NS: Final = 1_000_000_000


@dataclass(slots=True)
class Window:
    opens_ns: int  # of the clock of capture
    closes_ns: int
    due_ns: int  # of the server's monotonic clock: it waits no longer
    fragments: dict[str, Clone] = field(default_factory=dict)  # by stream
    # Once it is over: of each stream, how many frames are decided up to and with it.
    decided: dict[str, int] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(clone.nbytes for clone in self.fragments.values())


class Windows:
    """Over is over: windows come out in the order of their times, each once."""

    def __init__(
        self,
        stream_ids: Collection[str],
        length_ns: int,
        lateness_ns: int,
        bytes_max: int = 1 << 62,
    ) -> None:
        self._ids = frozenset(stream_ids)
        self._length_ns = length_ns
        self._lateness_ns = lateness_ns
        self.bytes_max = bytes_max  # of all that are open; one with more is over as it is
        self._open: dict[int, Window] = {}  # by number
        self._over: int | None = None  # windows before this number are
        self._over_at_ns = 0  # when the last of them was
        # Of each stream, its frames that are decided: in a window that is over, or in none.
        self.decided = dict.fromkeys(stream_ids, 0)
        self.late_frames = 0  # whose window was over without them
        self.surplus_frames = 0  # of a window that has one of that stream

    def add(self, clone: Clone, now_ns: int) -> None:
        stream_id, at_ns = clone.stream_id, time_of(clone)
        number = at_ns // self._length_ns
        if self._over is not None and number < self._over:
            if not self._begins_anew(now_ns):
                self.decided[stream_id] += 1
                self.late_frames += 1
                return
            self._over = None
        window = self._open.get(number)
        if window is None:
            ahead = at_ns > clone.received_at_ns
            if ahead and len(self._open) >= WINDOWS_MAX:
                # It would end the oldest, for which others are still in time.
                self.decided[stream_id] += 1
                self.late_frames += 1
                return
            since_ns = clone.received_at_ns if ahead else at_ns
            window = self._open[number] = self._window(number, since_ns, now_ns)
        before = window.fragments.get(stream_id)
        if before is not None:
            self.decided[stream_id] += 1
            self.surplus_frames += 1
            if at_ns < time_of(before):  # the newest of a window stands for it
                return
        window.fragments[stream_id] = clone

    def missed(self, stream_id: str, frames: int) -> None:
        """Frames that never came here."""
        self.decided[stream_id] += frames

    def over(self, now_ns: int, live: Collection[str]) -> list[Window]:
        """The windows that are over, in order: whole, or waited for long enough.

        Streams that nobody publishes are not waited for.
        """
        found: list[Window] = []
        numbers = sorted(self._open)
        due = [at for at, n in enumerate(numbers) if self._open[n].due_ns <= now_ns]
        at_once = max(due[-1] + 1 if due else 0, len(numbers) - WINDOWS_MAX, self._too_large())
        for at, number in enumerate(numbers):
            window = self._open[number]
            if at >= at_once and not self._awaits_nobody(window, live):
                break
            del self._open[number]
            self._over, self._over_at_ns = number + 1, now_ns
            for stream_id in window.fragments:
                self.decided[stream_id] += 1
            window.decided = dict(self.decided)
            found.append(window)
        return found

    def is_complete(self, window: Window) -> bool:
        return len(window.fragments) == len(self._ids)

    def holds(self, stream_id: str) -> bool:
        """Whether a frame of this stream waits in a window."""
        return any(stream_id in window.fragments for window in self._open.values())

    @property
    def due_ns(self) -> int | None:
        """When the next will have waited long enough."""
        return min((window.due_ns for window in self._open.values()), default=None)

    def _window(self, number: int, since_ns: int, now_ns: int) -> Window:
        opens_ns = number * self._length_ns
        closes_ns = opens_ns + self._length_ns
        # The end of one whose first frame is ahead of our clock is as far away as our clock says.
        return Window(opens_ns, closes_ns, now_ns + closes_ns - since_ns + self._lateness_ns)

    def _too_large(self) -> int:
        """How many of the oldest have to go, for all of them to be within their bytes."""
        left = sum(window.nbytes for window in self._open.values())
        gone = 0
        for number in sorted(self._open):
            if left <= self.bytes_max:
                break
            left -= self._open[number].nbytes
            gone += 1
        return gone

    def _awaits_nobody(self, window: Window, live: Collection[str]) -> bool:
        missing = self._ids - window.fragments.keys()
        return missing.isdisjoint(live)

    def _begins_anew(self, now_ns: int) -> bool:
        """All clocks have gone back: else nothing would ever be in time again."""
        silent_ns = self._length_ns + self._lateness_ns + _SILENCE_NS
        return not self._open and now_ns - self._over_at_ns > silent_ns


def time_of(clone: Clone) -> int:
    """
    >>> time_of(Clone("a", b"", 5, 9)), time_of(Clone("a", b"", 0, 9))
    (5, 9)
    """
    captured_ns = clone.captured_at_ns
    if 0 < captured_ns <= clone.received_at_ns + _AHEAD_NS_MAX:
        return captured_ns
    return clone.received_at_ns
