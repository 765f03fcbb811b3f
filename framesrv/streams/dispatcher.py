"""The fan-out: what is published, and who watches it. Publishing never waits for a subscriber.

No I/O and no clock. Everything is called by one thread; any other may ask ``subscribed``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from framesrv.errors import Reason, Refused
from framesrv.streams.channel import Channel
from framesrv.streams.news import Clone
from framesrv.streams.settings import FanOutSettings
from framesrv.streams.subscription import Subscription

_RETRY_AFTER_S: Final = 1.0
_SHOWN_MAX: Final = 80  # characters of an id that is not there


class Subscribed(NamedTuple):
    subscribers: int = 0
    lag_frames: int = 0  # of the one that is furthest behind
    dropped_frames: int = 0  # since the start, of all that ever were


class Dispatcher:
    def __init__(self, settings: FanOutSettings | None = None) -> None:
        self.settings = settings or FanOutSettings()
        self._channels: dict[str, Channel[Clone]] = {}
        self._subscriptions: dict[Subscription, None] = {}
        self._to_all: dict[Subscription, None] = {}
        self._dropped_before = 0  # by those who have left
        self._dropped_told = 0  # a count that never falls
        self.nbytes = 0  # of the clones that are kept

    # -- publishing ------------------------------------------------------------------------

    def start(self, stream_id: str) -> Publication:
        """Somebody publishes a stream; that it is the only one, the registry sees to."""
        channel = self._channel(stream_id)
        for subscription in self._to_all:
            subscription.watch(channel)
        channel.start()
        return Publication(self, channel)

    def put(self, channel: Channel[Clone], clone: Clone) -> None:
        before = channel.nbytes
        channel.put(clone)
        self.nbytes += channel.nbytes - before
        while self.nbytes > self.settings.buffer_bytes:
            # What came last is there whatever its size, and of the others the largest gives way.
            spare = [one for one in self._channels.values() if len(one.items) > (one is channel)]
            if not spare:
                return
            largest = max(spare, key=lambda one: one.nbytes)
            self.nbytes -= largest.items[0].nbytes
            largest.drop()

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
        self.check_room()
        ids = dict.fromkeys(stream_ids)
        if not wait:
            self.check_there(ids)
        most = self.settings.max_queue_frames
        queue_frames = min(queue_frames or self.settings.queue_frames, most)
        subscription = Subscription(queue_frames, wake, self._left, stays=bool(ids))
        for channel in map(self._channel, ids) if ids else [*self._channels.values()]:
            if ids or channel.live:
                subscription.watch(channel)
        if not ids:
            self._to_all[subscription] = None
        self._subscriptions[subscription] = None
        return subscription

    def leave(self, subscription: Subscription) -> None:
        if subscription not in self._subscriptions:
            return
        # In this order: who counts meanwhile may count too little, and never twice.
        del self._subscriptions[subscription]
        self._to_all.pop(subscription, None)
        subscription.close()
        self._dropped_before += subscription.dropped_frames

    def check_there(self, ids: Iterable[str]) -> None:
        missing = [one for one in ids if not self.is_live(one)]
        if missing:
            shown = ", ".join(one[:_SHOWN_MAX] for one in missing[:4])
            raise Refused(
                Reason.UNKNOWN_STREAM,
                f"nobody publishes: {shown}; publish it first, or set wait to be told when "
                "somebody does",
            )

    def check_room(self) -> None:
        most = self.settings.max_subscribers
        if len(self._subscriptions) >= most:
            raise Refused(
                Reason.TOO_MANY_STREAMS,
                f"{most} subscribers are there and the server allows no more: try again later",
                _RETRY_AFTER_S,
            )

    def is_live(self, stream_id: str) -> bool:
        channel = self._channels.get(stream_id)
        return channel is not None and channel.live

    def subscribed(self) -> Subscribed:
        dropped = self._dropped_before  # first, see ``leave``
        subscriptions = list(self._subscriptions)
        dropped += sum(one.lost_frames for one in subscriptions)
        self._dropped_told = max(self._dropped_told, dropped)
        lag = max((one.lag_frames for one in subscriptions), default=0)
        return Subscribed(len(subscriptions), lag, self._dropped_told)

    # -- channels --------------------------------------------------------------------------

    def _channel(self, stream_id: str) -> Channel[Clone]:
        channel = self._channels.get(stream_id)
        if channel is None:
            channel = self._channels[stream_id] = Channel(stream_id)
        return channel

    def _left(self, channel: Channel[Clone], freed_bytes: int) -> None:
        """A listener has left, and what was kept for it alone is gone."""
        self.nbytes -= freed_bytes
        self._tidy(channel)

    def _tidy(self, channel: Channel[Clone]) -> None:
        """Nobody publishes it, and nobody listens."""
        if not channel.live and not channel.seats:
            self.nbytes -= channel.nbytes
            self._channels.pop(channel.name, None)


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
