"""One stream: its frames in order, its window, and what is dropped.

No I/O and no clock of its own: it is told of frames, of finished work and of what was written,
and says what may be read and what is to be written. All calls come from one thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise
from typing import Final, Protocol, TypeVar

from framesrv.engine.frame import dropped
from framesrv.engine.task import Engine, Incoming, Task
from framesrv.errors import Reason, Refused
from framesrv.streams.news import Clone
from framesrv.streams.order import Entry, Order, Show

T = TypeVar("T")


class DropPolicy(IntEnum):
    """The numbers are the wire's."""

    UNSPECIFIED = 0  # block
    BLOCK = 1
    OLDEST = 2
    NEWEST = 3


_DROPS: Final = (DropPolicy.OLDEST, DropPolicy.NEWEST)
_WAITING_MAX: Final = 2  # frames, each with its message, that no cap of the engine's counts


class Maker(Protocol):
    """What a session needs from outside to have its frames done."""

    def task(self, entry: Entry, received_ns: int, received_at_ns: int) -> Task:
        """A task whose end leads to ``Session.finished(entry, messages)``."""
        ...

    def refusal(self, entry: Entry, refused: Refused, received_at_ns: int) -> list[bytes]:
        """Messages that answer every frame of the entry with this."""
        ...


@dataclass(slots=True)
class _Group:
    """The entries of one message: admitted together."""

    entries: list[Entry]
    received_ns: int
    received_at_ns: int

    @property
    def frames(self) -> int:
        return sum(entry.count for entry in self.entries)


class Session:
    def __init__(
        self,
        engine: Engine,
        make: Maker,
        *,
        policy: DropPolicy,
        window: int,
        when_room: Callable[[], None],
        show: Show | None = None,
    ) -> None:
        self._engine = engine
        self._make = make
        self._policy = policy
        self.window = window
        self._when_room = when_room  # asks the engine to have ``pump`` called by our thread
        self._asked = False
        self._order = Order(show)  # everything not yet handed to the writer
        self._pending: deque[_Group] = deque()
        self.in_flight = 0  # frames that the engine has, or whose answers are not yet written
        self._unwritten = 0  # frames that are answered, their answers not yet written
        self.draining = False
        self.abandoned = False

    # -- reading ---------------------------------------------------------------------------

    def may_read(self) -> bool:
        """Whether the next message may be taken from the client.

        One that does not read its answers is not read from. A stream that drops goes on reading
        while its frames wait for the engine: only so are they the newest, or the oldest.
        """
        drops = self._policy in _DROPS
        return (drops or not self._pending) and self._unwritten < self.window

    def offer(self, frames: Sequence[Incoming], received_ns: int, received_at_ns: int) -> None:
        """Frames have come, at most a message's worth."""
        if not frames:
            return
        if self.draining:
            self._refuse(frames, _draining(), received_at_ns)
            return
        if self._policy in _DROPS:
            for frame in frames:
                self._offer_one(frame, received_ns, received_at_ns)
        else:
            pieces = [Entry(piece) for piece in split(frames, self._engine.workers)]
            for piece in pieces:
                self._order.append(piece)
            self._pending.append(_Group(pieces, received_ns, received_at_ns))
        self.pump()

    def _offer_one(self, frame: Incoming, received_ns: int, received_at_ns: int) -> None:
        if not self._make_room(received_at_ns):
            self._refuse([frame], dropped(Reason.DROPPED_BY_POLICY), received_at_ns)
            return
        entry = Entry([frame])
        self._order.append(entry)
        self._pending.append(_Group([entry], received_ns, received_at_ns))
        self.pump()

    def _make_room(self, received_at_ns: int) -> bool:
        """Whether there is room for a fresher frame, or could be made, as the policy has it."""
        waiting = len(self._pending)  # one frame each, under a policy that drops
        if waiting >= _WAITING_MAX:  # the engine is full: it will not take the one before either
            return self._policy is DropPolicy.OLDEST and self._drop_waiting(received_at_ns)
        if self.in_flight + waiting < self.window:
            return True
        return self._policy is DropPolicy.OLDEST and self._drop_oldest(received_at_ns)

    def _drop_waiting(self, received_at_ns: int) -> bool:
        """The oldest of those that the engine has not taken, and its message with it."""
        (entry,) = self._pending.popleft().entries
        self._settle(
            entry, self._make.refusal(entry, dropped(Reason.DROPPED_BY_POLICY), received_at_ns)
        )
        self.in_flight += entry.count
        return True

    def _drop_oldest(self, received_at_ns: int) -> bool:
        """The first that has not been begun."""
        for entry in self._order:
            if entry.messages is not None:
                continue
            if entry.task is None:
                return self._drop_waiting(received_at_ns)
            if not entry.task.begun and entry.task.drop is None:
                entry.task.drop = Reason.DROPPED_BY_POLICY
                return True
        return False

    def _refuse(self, frames: Sequence[Incoming], why: Refused, received_at_ns: int) -> None:
        entry = Entry(frames)
        self._order.append(entry)
        self.in_flight += len(frames)
        self._settle(entry, self._make.refusal(entry, why, received_at_ns))

    # -- work ------------------------------------------------------------------------------

    def pump(self) -> None:
        """Hand on to the engine what the window and the engine have room for."""
        while self._pending and not self.abandoned:
            group = self._pending[0]
            # What the writer waits for goes on, however many refusals wait behind it.
            awaited = self._order.first is group.entries[0]
            if not awaited and self.in_flight + group.frames > self._admitted_at_most():
                return
            if not self._submit(group):
                return
            self._pending.popleft()
            self.in_flight += group.frames

    def _admitted_at_most(self) -> int:
        # Under a drop policy, those marked to be dropped still pass through the engine.
        return self.window if self._policy <= DropPolicy.BLOCK else 2 * self.window

    def _submit(self, group: _Group) -> bool:
        for entry in group.entries:
            entry.task = self._make.task(entry, group.received_ns, group.received_at_ns)
        try:
            self._engine.submit([entry.task for entry in group.entries if entry.task])
        except Refused as refused:
            for entry in group.entries:
                entry.task = None
            if refused.reason is Reason.QUEUE_FULL:
                if not self._asked:
                    self._asked = True
                    self._when_room()
                return False
            for entry in group.entries:
                self._settle(entry, self._make.refusal(entry, refused, group.received_at_ns))
        return True

    def room(self) -> None:
        """The engine has room again, perhaps."""
        self._asked = False
        self.pump()

    def finished(self, entry: Entry, messages: list[bytes], clones: Sequence[Clone] = ()) -> None:
        """The engine is done with an entry."""
        entry.clones = clones
        self._settle(entry, messages)

    def _settle(self, entry: Entry, messages: list[bytes]) -> None:
        entry.messages = messages
        entry.task = None
        entry.frames = ()
        self._unwritten += entry.count
        self._order.settled()

    # -- writing ---------------------------------------------------------------------------

    def next_answer(self) -> Entry | None:
        """The answers to be written next, if they are there: in the order of the frames."""
        return self._order.take()

    def written(self, entry: Entry) -> None:
        """The answers of an entry are on their way to the client."""
        self.in_flight -= entry.count
        self._unwritten -= entry.count
        self.pump()

    @property
    def idle(self) -> bool:
        """Whether every frame offered has been handed to the writer."""
        return not self._order

    def abandon(self) -> None:
        """The client is gone: what is not begun will not be."""
        self.abandoned = True
        for entry in self._order:
            if entry.task is not None:
                entry.task.drop = Reason.CLIENT_GONE
        while self._pending:
            group = self._pending.popleft()
            for entry in group.entries:  # refused to nobody, but counted
                self._settle(
                    entry,
                    self._make.refusal(entry, dropped(Reason.CLIENT_GONE), group.received_at_ns),
                )


def split(frames: Sequence[T], pieces: int) -> list[Sequence[T]]:
    """As many pieces as there are workers, at most, and as even as can be.

    >>> [len(piece) for piece in split(range(25), 2)], [len(p) for p in split(range(1), 4)]
    ([13, 12], [1])
    """
    pieces = min(pieces, len(frames))
    size, larger = divmod(len(frames), pieces)
    ends = [0]
    for number in range(pieces):
        ends.append(ends[-1] + size + (number < larger))
    return [frames[start:end] for start, end in pairwise(ends)]


def _draining() -> Refused:
    return Refused(
        Reason.DRAINING,
        "the server is about to stop and takes no new frames: send them to another, or later",
        1.0,
    )
