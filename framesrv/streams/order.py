"""A stream's frames in the order in which they came, whichever is done first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from framesrv.engine.task import Incoming, Task
from framesrv.streams.news import Clone


class Entry:
    """Frames that one task does, and the messages that answer them."""

    __slots__ = ("clones", "count", "frames", "messages", "task")

    def __init__(self, frames: Sequence[Incoming]) -> None:
        self.frames = frames  # none any more when they are answered: they keep their message
        self.count = len(frames)
        self.task: Task | None = None
        self.messages: list[bytes] | None = None  # set when the frames are answered
        self.clones: Sequence[Clone] = ()  # of those that were ok, where the stream is published


Show = Callable[[Sequence[Clone]], None]


class Order:
    """Entries leave it for the client as fast as that reads, and are shown before: to those who
    watch nothing is late because the publisher does not read its answers."""

    def __init__(self, show: Show | None = None) -> None:
        self._entries: deque[Entry] = deque()
        self._show = show
        self._unshown: deque[Entry] = deque()

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)
        if self._show is not None:
            self._unshown.append(entry)

    def settled(self) -> None:
        """An entry has its messages: show those whose turn has come."""
        while self._unshown and self._unshown[0].messages is not None:
            entry = self._unshown.popleft()
            clones, entry.clones = entry.clones, ()
            if clones and self._show is not None:
                self._show(clones)

    def take(self) -> Entry | None:
        """The next, if it has its messages."""
        if self._entries and self._entries[0].messages is not None:
            return self._entries.popleft()
        return None

    @property
    def first(self) -> Entry:
        return self._entries[0]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __bool__(self) -> bool:
        return bool(self._entries)
