"""What became of a subscription's frames, and how it ends; no I/O, the same for both clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from grpc import StatusCode

from framesrv.client.errors import CallFailed, ServerDraining, broken_promise
from framesrv.client.items import Gap, GoAway, Item, MergedFrame, item_of
from framesrv.client.results import Result
from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb

_STREAMS_MAX: Final = 4096  # far more than a server has at once, but ids may be new for ever


@dataclass(slots=True)
class Count:
    """Of one stream: the frames handed on to the program, and those in gaps between them."""

    delivered: int = 0
    missed: int = 0

    @property
    def received(self) -> int:
        """What the server had for this subscriber."""
        return self.delivered + self.missed


class Account:
    def __init__(self) -> None:
        self.total = Count()
        self.begun = False  # whether anything has come
        self._streams: dict[str, Count] = {}
        self._go_away: GoAway | None = None

    @property
    def streams(self) -> Mapping[str, Count]:
        """By the ids; of the last 4,096 that were new."""
        return MappingProxyType(self._streams)

    def take(self, message: pb.SubscribeResponse) -> Item | None:
        """The item in a message of the server's, counted."""
        self.begun = True
        item = item_of(message)
        if isinstance(item, Result):
            self._count(item.stream_id, delivered=1)
        elif isinstance(item, MergedFrame):
            for each in item.fragments:
                self._count(each.stream_id, delivered=1)
        elif isinstance(item, Gap):
            self._count(item.stream_id, missed=item.dropped_frames)
        elif isinstance(item, GoAway):
            self._go_away = item
        return item

    def _count(self, stream_id: str, delivered: int = 0, missed: int = 0) -> None:
        count = self._streams.get(stream_id)
        if count is None:
            if len(self._streams) >= _STREAMS_MAX:
                del self._streams[next(iter(self._streams))]
            count = self._streams[stream_id] = Count()
        for each in (count, self.total):
            each.delivered += delivered
            each.missed += missed

    def end(self, error: CallFailed | None) -> CallFailed:
        """What to tell the program of a subscription that the server has ended, for that is no
        success: it goes on until its subscriber leaves."""
        away = self._go_away
        if error is None and away is None:
            return broken_promise("the server ended the subscription without a reason")
        # After its goodbye a server may as well just close the connection.
        goodbye = away is not None and (error is None or error.code is StatusCode.UNAVAILABLE)
        if error is not None and error.reason != Reason.DRAINING and not goodbye:
            return error
        text = error.message if error is not None else ""
        if away is not None:
            text = "the server is closing: " + (away.reason or "no reason given")
        return ServerDraining(
            StatusCode.UNAVAILABLE,
            str(Reason.DRAINING),
            text,
            "subscribe again, elsewhere or when it is back",
            error.retry_after_s if error is not None else None,
        )
