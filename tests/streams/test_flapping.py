"""Ids that come and go faster than a subscriber to all of them reads: what is kept is bounded."""

from __future__ import annotations

from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.news import Clone
from framesrv.streams.subscription import SEATS_MAX


def flap(dispatcher: Dispatcher, ids: range) -> None:
    for number in ids:
        publication = dispatcher.start(f"id-{number}")
        publication.publish([Clone(f"id-{number}", b"x")])
        publication.end()


def test_one_that_takes_nothing_keeps_only_so_many_streams() -> None:
    dispatcher = Dispatcher()
    subscription = dispatcher.subscribe((), 0, lambda: None)
    flap(dispatcher, range(SEATS_MAX + 1))
    assert subscription.has_too_much
    assert dispatcher.nbytes == SEATS_MAX + 1
    flap(dispatcher, range(SEATS_MAX + 1, SEATS_MAX + 100))
    assert dispatcher.nbytes == SEATS_MAX + 1
    assert len(dispatcher._channels) == SEATS_MAX + 1
    dispatcher.leave(subscription)
    assert (dispatcher.nbytes, len(dispatcher._channels)) == (0, 0)


def test_one_that_takes_all_is_at_no_stream_that_has_ended() -> None:
    dispatcher = Dispatcher()
    subscription = dispatcher.subscribe((), 0, lambda: None)
    for first in range(0, 2 * SEATS_MAX, 64):
        flap(dispatcher, range(first, first + 64))
        while subscription.take():
            pass
        assert not dispatcher._channels
    assert not subscription.has_too_much
