"""The last few items that were told under one name, and how far each listener is.

A listener's queue is not a list of its own but a place in the list of all: what is put costs only
those who have taken all before it. Whoever stands still costs nothing, and finds out how much has
fallen out when it goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Item)


class Channel(Generic[T]):
    """Items are numbered from 0 as they are put; ``count`` have been."""

    __slots__ = (
        "caught_up", "count", "items", "keep", "live", "name", "nbytes", "publishers", "seats",
        "since",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.items: deque[T] = deque()
        self.nbytes = 0  # of the items that are there
        self.count = 0
        self.keep = 1  # the newest is for those who join late
        self.live = False  # somebody publishes
        self.publishers = 0  # that ever did
        self.since = 0  # the number of the first item of the last of them
        self.seats: dict[Seat[T], None] = {}
        self.caught_up: dict[Seat[T], None] = {}  # of them, those who wait for the next item

    @property
    def first(self) -> int:
        """The number of the oldest item that is there."""
        return self.count - len(self.items)

    def start(self) -> None:
        self.live = True
        self.publishers += 1
        self.since = self.count
        self.wake()

    def put(self, item: T) -> None:
        self.items.append(item)
        self.count += 1
        self.nbytes += item.nbytes
        while len(self.items) > self.keep:
            self.drop()
        self.wake()

    def drop(self) -> None:
        """Let the oldest go. Those who have not taken it will be told."""
        self.nbytes -= self.items.popleft().nbytes

    def end(self) -> None:
        self.live = False
        self.wake()

    def wake(self) -> None:
        if self.caught_up:
            ready, self.caught_up = self.caught_up, {}
            for seat in ready:
                seat.ready(seat)

    def sit(self, queue_items: int, ready: Callable[[Seat[T]], None]) -> Seat[T]:
        """A listener, who gets the newest item at once if whoever published it is still there."""
        seat = Seat(self, queue_items, ready)
        self.seats[seat] = None
        self.keep = max(self.keep, queue_items)
        if seat.at < self.count:
            ready(seat)
        else:
            self.caught_up[seat] = None
        return seat

    def leave(self, seat: Seat[T]) -> int:
        """How many bytes are gone because nobody else wants them kept."""
        before = self.nbytes
        self.seats.pop(seat, None)
        self.caught_up.pop(seat, None)
        if seat.queue_items == self.keep:
            self.keep = max((one.queue_items for one in self.seats), default=1)
            while len(self.items) > self.keep:
                self.drop()
        return before - self.nbytes


class Seat(Generic[T]):
    """One listener's place in a channel."""

    __slots__ = ("at", "channel", "joined_at", "publishers", "queue_items", "ready", "started")

    def __init__(
        self, channel: Channel[T], queue_items: int, ready: Callable[[Seat[T]], None]
    ) -> None:
        self.channel = channel
        self.queue_items = queue_items
        self.ready = ready  # called when there is something to take, once for each time it waited
        has_newest = channel.live and channel.count > max(channel.since, channel.first)
        self.at = self.joined_at = channel.count - has_newest  # the number of the next item
        # What it has been told of publishers: not of the one that it came to.
        self.publishers = channel.publishers
        self.started = channel.live

    @property
    def behind(self) -> int:
        return self.channel.count - self.at

    @property
    def lost(self) -> int:
        """How many items have fallen out of its queue that it was not yet told of."""
        channel = self.channel
        behind = channel.count - self.at  # before the items: others may ask while some are put
        kept = min(len(channel.items), self.queue_items)
        return behind - kept if behind > kept else 0

    def skip(self) -> int:
        """Go past what has fallen out: so many."""
        lost = self.lost
        self.at += lost
        return lost

    def next(self) -> T | None:
        channel = self.channel
        if self.at == channel.count:
            return None
        item = channel.items[self.at - channel.first]
        self.at += 1
        return item

    def changes(self) -> list[bool]:
        """Whether publishers came (True) or went before the next item, as far as it was not told.

        Of those who came and went while it did not look, it is told as if they had been one.
        """
        channel, found = self.channel, []
        at_last = self.at >= channel.since  # all of those before the last publisher is taken
        if self.publishers != channel.publishers and at_last:
            if self.started:
                found.append(False)
            found.append(True)
            self.publishers = channel.publishers
            self.started = True
        elif self.at < channel.count and not self.started:
            found.append(True)
            self.started = True
        if self.at == channel.count and self.started and not channel.live:
            found.append(False)
            self.started = False
        return found

    def wait(self) -> bool:
        """Nothing more is there to take: be told of the next. False: there is something."""
        channel = self.channel
        if self.at < channel.count or self.publishers != channel.publishers:
            return False
        if self.started and not channel.live:
            return False
        channel.caught_up[self] = None
        return True
