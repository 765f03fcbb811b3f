"""Streams that are only waited for cost those that are there nothing."""

from __future__ import annotations

from typing import Any

from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.news import Clone
from framesrv.streams.settings import MIB, FanOutSettings

HALF = MIB // 2


class Untouched(dict[str, Any]):
    """All channels by name: nobody may go through them."""

    def values(self) -> Any:
        raise AssertionError("every stream was looked at for one frame")

    __iter__ = items = values


def test_a_frame_that_takes_another_s_place_is_no_walk_through_all_streams() -> None:
    dispatcher = Dispatcher(FanOutSettings(buffer_bytes=MIB))
    waiting = [
        dispatcher.subscribe([f"{number}-{one}" for one in range(64)], 0, lambda: None, wait=True)
        for number in range(4)
    ]
    watching = dispatcher.subscribe(["a", "b"], 9, lambda: None, wait=True)
    first, second = dispatcher.start("a"), dispatcher.start("b")
    dispatcher._channels = Untouched(dispatcher._channels)
    for _ in range(3):
        first.publish([Clone("a", bytes(HALF))])
        second.publish([Clone("b", bytes(HALF))])
        assert dispatcher.nbytes == MIB
    first.publish([Clone("a", bytes(MIB))])  # all others' give way
    assert dispatcher.nbytes == MIB
    second.publish([Clone("b", bytes(HALF))])
    assert dispatcher.nbytes == HALF
    first.end()
    second.end()
    for subscription in (*waiting, watching):
        dispatcher.leave(subscription)
    assert (dispatcher.nbytes, len(dispatcher._channels), len(dispatcher._filled)) == (0, 0, 0)
