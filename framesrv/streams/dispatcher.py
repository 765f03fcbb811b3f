"""The fan-out: what is published, and who watches it. Publishing never waits for a subscriber.

No I/O and no clock. Everything is called by one thread; any other may ask ``subscribed``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from framesrv.errors import Reason, Refused
from framesrv.streams.channel import Channel, Item, Seat
from framesrv.streams.forms import Forms
from framesrv.streams.news import Clone, MergedClone
from framesrv.streams.settings import FanOutSettings
from framesrv.streams.subscription import Subscription

T = TypeVar("T", bound=Item)

_RETRY_AFTER_S: Final = 1.0
_FORMS_PART: Final = 8  # of the bytes that clones may have, so much less is for their forms
_SHOWN_MAX: Final = 80  # characters of an id that is not there


class Subscribed(NamedTuple):
    subscribers: int = 0
    lag_frames: int = 0  # of the one that is furthest behind
    dropped_frames: int = 0  # since the start, of all that ever were


class Subscriber(Protocol):
    """Somebody who watches, whatever it gets."""

    @property
    def dropped_frames(self) -> int:
        """That fell out of its queue, and that it knows of."""
        ...

    @property
    def lost_frames(self) -> int:
        """All that fell out."""
        ...

    @property
    def lag_frames(self) -> int:
        """How far it is behind in the stream in which it is furthest."""
        ...

    def close(self) -> None: ...


class Dispatcher:
    def __init__(self, settings: FanOutSettings | None = None) -> None:
        self.settings = settings or FanOutSettings()
        self._channels: dict[str, Channel[Clone]] = {}  # by stream
        self._derived: dict[Channel[MergedClone], None] = {}
        # Of both, those with items: there may be many that are only waited for.
        self._filled: dict[Channel[Any], None] = {}
        self._subscribers: dict[Subscriber, None] = {}
        self._to_all: dict[Subscription, None] = {}
        self._dropped_before = 0  # by those who have left
        self._dropped_told = 0  # a count that never falls
        self.unread = 0  # subscribers that were ended, and what they did not read is still kept
        self.nbytes = 0  # of the clones that are kept
        self.forms = Forms(self.settings.buffer_bytes // _FORMS_PART)  # of them, beside their bytes

    # -- publishing ------------------------------------------------------------------------

    def start(self, stream_id: str) -> Publication:
        """Somebody publishes a stream; that it is the only one, the registry sees to."""
        channel = self._channel(stream_id)
        for subscription in self._to_all:
            subscription.watch(channel)
        channel.start()
        return Publication(self, channel)

    def put(self, channel: Channel[T], clone: T) -> None:
        before = channel.nbytes
        channel.put(clone)
        self._filled[channel] = None
        self.nbytes += channel.nbytes - before
        while self.nbytes > self.settings.buffer_bytes:
            # What came last is there whatever its size, and of the others the largest gives way.
            spare = [one for one in self._filled if len(one.items) > (one is channel)]
            if not spare:
                return
            largest = max(spare, key=lambda one: one.nbytes)
            self.nbytes -= largest.items[0].nbytes
            largest.drop()
            if not largest.items:
                del self._filled[largest]

    def end(self, channel: Channel[Clone]) -> None:
        channel.end()
        self._tidy(channel)

    # -- subscribing -----------------------------------------------------------------------

    def subscribe(
        self,
        stream_ids: Iterable[str],
        queue_frames: int,
        wake: Callable[[], None],
        *,
        wait: bool = False,
    ) -> Subscription:
        """To these streams; without any, to all of them, also those that start later.

        Raises Refused if one is not there and is not to be waited for.
        """
        self.check(stream_ids, wait=wait)
        subscription = self.listen(stream_ids, self.queue(queue_frames), wake)
        if not stream_ids:
            self._to_all[subscription] = None
        self.enter(subscription)
        return subscription

    def listen(
        self, stream_ids: Iterable[str], queue_frames: int, wake: Callable[[], None]
    ) -> Subscription:
        """Who leaves it calls its ``close``: it counts as no subscriber."""
        channels = [self._channel(one) for one in stream_ids]
        subscription = Subscription(queue_frames, wake, self._left, stays=bool(channels))
        for channel in channels or [*self._channels.values()]:
            if channels or channel.live:
                subscription.watch(channel)
        return subscription

    def enter(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber] = None

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber not in self._subscribers:
            return
        # In this order: who counts meanwhile may count too little, and never twice.
        del self._subscribers[subscriber]
        if isinstance(subscriber, Subscription):
            self._to_all.pop(subscriber, None)
        subscriber.close()
        self._dropped_before += subscriber.dropped_frames

    def queue(self, frames: int) -> int:
        """What somebody gets who asks for so many."""
        return min(frames or self.settings.queue_frames, self.settings.max_queue_frames)

    def check(self, stream_ids: Iterable[str], *, wait: bool) -> None:
        """Raise Refused if there is no room for one more, or nobody publishes what it wants."""
        most = self.settings.max_subscribers
        if len(self._subscribers) + self.unread >= most:
            raise too_many(f"{most} subscribers are there and the server allows no more")
        missing = [] if wait else [one for one in stream_ids if not self.is_live(one)]
        if missing:
            shown = ", ".join(one[:_SHOWN_MAX] for one in missing[:4])
            raise Refused(
                Reason.UNKNOWN_STREAM,
                f"nobody publishes: {shown}; publish it first, or set wait to be told when "
                "somebody does",
            )

    def is_live(self, stream_id: str) -> bool:
        channel = self._channels.get(stream_id)
        return channel is not None and channel.live

    def subscribed(self) -> Subscribed:
        dropped = self._dropped_before  # first, see ``leave``
        subscribers = list(self._subscribers)
        dropped += sum(one.lost_frames for one in subscribers)
        self._dropped_told = max(self._dropped_told, dropped)
        lag = max((one.lag_frames for one in subscribers), default=0)
        return Subscribed(len(subscribers), lag, self._dropped_told)

    # -- channels --------------------------------------------------------------------------

    def derive(self) -> Channel[MergedClone]:
        """For what is made of other streams; its bytes count among theirs."""
        channel = Channel[MergedClone]("")
        channel.start()
        self._derived[channel] = None
        return channel

    def drop(self, channel: Channel[MergedClone]) -> None:
        del self._derived[channel]
        self._filled.pop(channel, None)
        self.nbytes -= channel.nbytes

    def stood_up(self, channel: Channel[T], seat: Seat[T]) -> None:
        """Somebody leaves a channel, and what was kept for it alone is gone."""
        self.nbytes -= channel.leave(seat)

    def _channel(self, stream_id: str) -> Channel[Clone]:
        channel = self._channels.get(stream_id)
        if channel is None:
            channel = self._channels[stream_id] = Channel(stream_id)
        return channel

    def _left(self, channel: Channel[Clone], seat: Seat[Clone]) -> None:
        self.stood_up(channel, seat)
        self._tidy(channel)

    def _tidy(self, channel: Channel[Clone]) -> None:
        """Nobody publishes it, and nobody listens."""
        if not channel.live and not channel.seats:
            self.nbytes -= channel.nbytes
            self._channels.pop(channel.name, None)
            self._filled.pop(channel, None)


def too_many(what: str) -> Refused:
    return Refused(Reason.TOO_MANY_STREAMS, f"{what}: try again later", _RETRY_AFTER_S)


class Publication:
    """One publisher's right to tell, until it ends."""

    def __init__(self, dispatcher: Dispatcher, channel: Channel[Clone]) -> None:
        self._dispatcher = dispatcher
        self._channel = channel
        self._open = True

    def publish(self, clones: Iterable[Clone]) -> None:
        if self._open:  # else workers may still end what was begun before it ended
            for clone in clones:
                self._dispatcher.put(self._channel, clone)

    def end(self) -> None:
        if self._open:
            self._open = False
            self._dispatcher.end(self._channel)
