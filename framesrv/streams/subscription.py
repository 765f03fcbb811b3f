"""One subscriber: its seats at the streams it watches, and what it is told next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from framesrv.streams.channel import Channel, Seat
from framesrv.streams.news import Clone, Event, Gap, State

News: TypeAlias = Clone | Gap | Event

SEATS_MAX: Final = 4096  # of a subscriber to all: whoever is further behind is too slow


class Subscription:
    """Used by the thread of the dispatcher."""

    def __init__(
        self,
        queue_frames: int,
        wake: Callable[[], None],
        left: Callable[[Channel[Clone], Seat[Clone]], None],
        *,
        stays: bool = True,
    ) -> None:
        self.queue_frames = queue_frames  # of each stream
        self._wake = wake  # there is something to take
        self._left = left  # called to take a seat away
        self._stays = stays  # at streams that have ended, for their next publisher
        self._seats: dict[str, Seat[Clone]] = {}
        self._ready: deque[Seat[Clone]] = deque()
        self.dropped_frames = 0  # that it was told of

    def watch(self, channel: Channel[Clone]) -> None:
        if channel.name not in self._seats and not self.has_too_much:
            self._seats[channel.name] = channel.sit(self.queue_frames, self._is_ready)

    def take(self) -> list[News]:
        """What comes next of the stream whose turn it is; empty: nothing is there.

        A frame, and before it what happened since the last one.
        """
        while self._ready:
            seat = self._ready.popleft()
            found = self._of(seat)
            if not seat.wait():
                self._ready.append(seat)
            elif not (self._stays or seat.channel.live):
                self._leave(seat)
            if found:
                return found
        return []

    def _of(self, seat: Seat[Clone]) -> list[News]:
        channel = seat.channel
        found: list[News] = []
        if lost := seat.skip():
            self.dropped_frames += lost
            found.append(Gap(channel.name, lost))
        if seat.publishers != channel.publishers or not (seat.started and channel.live):
            found += [
                Event(channel.name, State.STARTED if came else State.ENDED)
                for came in seat.changes()
            ]
        item = seat.next()
        if item is not None:
            found.append(item)
        return found

    def _is_ready(self, seat: Seat[Clone]) -> None:
        self._ready.append(seat)
        self._wake()

    # -- for those who watch it ------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to take, and nobody publishes anything that it watches."""
        return not self._ready and not any(seat.channel.live for seat in self._seats.values())

    @property
    def has_too_much(self) -> bool:
        return len(self._seats) > SEATS_MAX

    @property
    def lag_frames(self) -> int:
        """How far it is behind in the stream in which it is furthest."""
        return max((seat.behind for seat in list(self._seats.values())), default=0)

    @property
    def lost_frames(self) -> int:
        """All that fell out, told or not."""
        return self.dropped_frames + sum(seat.lost for seat in list(self._seats.values()))

    def close(self) -> None:
        """Leave every stream."""
        for seat in [*self._seats.values()]:
            self._leave(seat)
        self._ready.clear()

    def _leave(self, seat: Seat[Clone]) -> None:
        lost = seat.lost
        del self._seats[seat.channel.name]
        self._left(seat.channel, seat)
        self.dropped_frames += lost
