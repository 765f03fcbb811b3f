"""The fan-out against a model: whatever publishers and subscribers do, in whatever order, each
subscriber gets every frame or is told, before the next one, how many it missed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from framesrv.errors import Reason, Refused
from framesrv.streams.dispatcher import Dispatcher, Publication
from framesrv.streams.news import Clone, Event, Gap, State
from framesrv.streams.settings import FanOutSettings
from framesrv.streams.subscription import Subscription

STREAMS = ("a", "b", "c")


def frame(stream_id: str, number: int, nbytes: int = 1) -> Clone:
    return Clone(stream_id, bytes(nbytes), captured_at_ns=number)


class Watched:
    """One subscriber, and what it ought to be told."""

    def __init__(self, dispatcher: Dispatcher, ids: tuple[str, ...], queue: int) -> None:
        self.woken = 0
        self.ids = ids
        self.subscription: Subscription = dispatcher.subscribe(ids, queue, self._wake, wait=True)
        self.expected: dict[str, int] = {}  # the number of the next frame of each stream
        self.live: dict[str, bool] = {}
        self.gaps: dict[str, int] = {}  # not yet followed by a frame
        self.delivered = self.missed = 0
        self.idle = False  # it found nothing, and waits to be woken

    def _wake(self) -> None:
        self.woken += 1

    def told(self, news: Clone | Gap | Event) -> None:
        if isinstance(news, Event):
            came = news.state is State.STARTED
            assert self.live.get(news.stream_id, False) is not came, "told twice"
            self.live[news.stream_id] = came
        elif isinstance(news, Gap):
            assert news.frames > 0
            self.expected[news.stream_id] += news.frames
            self.missed += news.frames
        else:
            assert self.live[news.stream_id], "a frame of nobody"
            assert news.captured_at_ns == self.expected[news.stream_id]
            self.expected[news.stream_id] += 1
            self.delivered += 1

    def take(self) -> bool:
        news = self.subscription.take()
        for one in news:
            self.told(one)
        self.idle = not news
        if self.idle:
            self.woken = 0
        return bool(news)


class Machine(RuleBasedStateMachine):
    watchers = Bundle("watchers")

    @initialize(buffer=st.sampled_from([3, 20, 10_000]))
    def begin(self, buffer: int) -> None:
        self.buffer = buffer
        settings = FanOutSettings(queue_frames=2, max_queue_frames=4, buffer_bytes=buffer)
        self.dispatcher = Dispatcher(settings)
        self.put = dict.fromkeys(STREAMS, 0)  # frames of each stream so far
        self.since: dict[str, int] = {}  # of those who publish, the first frame
        self.publications: dict[str, Publication] = {}
        self.last_bytes = 0
        self.open: list[Watched] = []
        self.dropped = 0

    # -- publishers ------------------------------------------------------------------------

    @rule(stream=st.sampled_from(STREAMS))
    def start_or_end(self, stream: str) -> None:
        publication = self.publications.pop(stream, None)
        if publication is not None:
            publication.end()
            publication.end()  # as often as one likes
            publication.publish([frame(stream, -1)])  # what its workers end after that is nobody's
            return
        self.since[stream] = self.put[stream]
        # Who watches all has a seat from here on.
        for watched in self.open:
            if not watched.ids and stream not in watched.subscription._seats:
                watched.expected[stream] = self.put[stream]
                watched.live[stream] = False
        self.publications[stream] = self.dispatcher.start(stream)

    @precondition(lambda self: self.publications)
    @rule(data=st.data(), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=7))
    def publish(self, data: Any, sizes: list[int]) -> None:
        stream = data.draw(st.sampled_from(sorted(self.publications)))
        clones = []
        for nbytes in sizes:
            clones.append(frame(stream, self.put[stream], nbytes))
            self.put[stream] += 1
        woken = [watched.woken for watched in self.open]
        self.publications[stream].publish(clones)
        self.last_bytes = sizes[-1]
        for watched, before in zip(self.open, woken, strict=True):
            assert watched.woken - before <= 1, "woken once, however many frames come"

    # -- subscribers -----------------------------------------------------------------------

    @rule(
        target=watchers,
        ids=st.lists(st.sampled_from(STREAMS), unique=True),
        queue=st.integers(0, 6),
    )
    def subscribe(self, ids: list[str], queue: int) -> Any:
        if len(self.open) >= 5:
            return multiple()
        watched = Watched(self.dispatcher, tuple(ids), queue)
        for stream in ids or self.publications:
            self._expect(watched, stream)
        self.open.append(watched)
        return watched

    def _expect(self, watched: Watched, stream: str) -> None:
        """From here on, and the newest frame if its publisher is still there and it is kept."""
        live = stream in self.publications
        channel = self.dispatcher._channels.get(stream)
        newest = live and self.put[stream] > self.since[stream]
        kept = channel is not None and len(channel.items) > 0
        watched.expected[stream] = self.put[stream] - (newest and kept)
        watched.live[stream] = live

    @rule(watched=watchers, times=st.integers(1, 6))
    def take(self, watched: Watched, times: int) -> None:
        if watched in self.open:
            for _ in range(times):
                watched.take()

    @rule(watched=watchers)
    def take_all(self, watched: Watched) -> None:
        """Then it is up to date: delivered and missed are all there was."""
        if watched not in self.open:
            return
        while watched.take():
            pass
        for stream, number in watched.expected.items():
            if watched.ids or stream in self.publications:
                assert number == self.put[stream]
            assert watched.live[stream] == (stream in self.publications)
        assert watched.subscription.lag_frames == 0
        if not watched.ids:  # it stays at no stream that has ended
            assert watched.subscription._seats.keys() == self.publications.keys()

    @rule(watched=watchers)
    def leave(self, watched: Watched) -> None:
        self.dispatcher.leave(watched.subscription)
        self.dispatcher.leave(watched.subscription)
        if watched in self.open:
            self.open.remove(watched)
            assert watched.subscription.take() == []

    # -- always ----------------------------------------------------------------------------

    @invariant()
    def memory_is_bounded(self) -> None:
        channels = self.dispatcher._channels.values()
        assert self.dispatcher.nbytes == sum(c.nbytes for c in channels)
        for channel in channels:
            assert channel.nbytes == sum(item.nbytes for item in channel.items)
            assert len(channel.items) <= max([1, *(s.queue_items for s in channel.seats)]) <= 4
        assert self.dispatcher.nbytes <= max(self.buffer, self.last_bytes)

    @invariant()
    def nothing_is_left_behind(self) -> None:
        wanted = {stream for watched in self.open for stream in watched.ids}
        stays = wanted | self.publications.keys()
        for name, channel in self.dispatcher._channels.items():
            assert name in stays or channel.seats
        assert self.dispatcher.subscribed().subscribers == len(self.open)

    @invariant()
    def who_has_something_to_take_knows(self) -> None:
        for watched in self.open:
            lag = watched.subscription.lag_frames
            if watched.idle and lag:
                assert watched.woken

    @invariant()
    def the_count_of_dropped_frames_is_all_of_them(self) -> None:
        dropped = self.dispatcher.subscribed().dropped_frames
        assert dropped >= self.dropped, "a counter never falls"
        self.dropped = dropped
        if self.open:
            assert dropped >= sum(watched.missed for watched in self.open)


TestFanOut = Machine.TestCase


# -- what a subscriber is told, one by one -----------------------------------------------------


def told(subscription: Subscription) -> list[Any]:
    found: list[Any] = []
    while news := subscription.take():
        found += [one.captured_at_ns if isinstance(one, Clone) else one for one in news]
    return found


@pytest.fixture
def dispatcher() -> Dispatcher:
    return Dispatcher(FanOutSettings(queue_frames=3))


def test_late_joiners_get_the_newest_at_once(dispatcher: Dispatcher) -> None:
    door = dispatcher.start("door")
    door.publish([frame("door", n) for n in range(5)])
    assert told(dispatcher.subscribe(["door"], 0, lambda: None)) == [4]


def test_but_not_of_a_publisher_that_has_gone(dispatcher: Dispatcher) -> None:
    first = dispatcher.start("door")
    watching = dispatcher.subscribe(["door"], 0, lambda: None)
    first.publish([frame("door", 0)])
    first.end()
    assert told(dispatcher.subscribe(["door"], 0, lambda: None, wait=True)) == []
    second = dispatcher.start("door")
    assert told(dispatcher.subscribe(["door"], 0, lambda: None)) == []
    second.publish([frame("door", 1)])
    ended, started = Event("door", State.ENDED), Event("door", State.STARTED)
    assert told(watching) == [0, ended, started, 1]


def test_a_gap_is_told_before_the_next_frame(dispatcher: Dispatcher) -> None:
    door = dispatcher.start("door")
    slow, quick = (dispatcher.subscribe(["door"], n, lambda: None) for n in (2, 9))
    door.publish([frame("door", n) for n in range(7)])
    assert told(slow) == [Gap("door", 5), 5, 6]
    assert told(quick) == [0, 1, 2, 3, 4, 5, 6]
    assert dispatcher.subscribed() == (2, 0, 5)


def test_streams_take_turns(dispatcher: Dispatcher) -> None:
    publications = [dispatcher.start(stream) for stream in ("loud", "quiet")]
    both = dispatcher.subscribe([], 9, lambda: None)
    publications[0].publish([frame("loud", n) for n in range(5)])
    publications[1].publish([frame("quiet", 100)])
    assert told(both)[:2] == [0, 100]


def test_unknown_streams(dispatcher: Dispatcher) -> None:
    dispatcher.start("door")
    with pytest.raises(Refused, match="nobody publishes: yard; ") as refused:
        dispatcher.subscribe(["door", "yard"], 0, lambda: None)
    assert refused.value.reason is Reason.UNKNOWN_STREAM
    assert dispatcher.subscribed().subscribers == 0
    assert told(dispatcher.subscribe(["door", "yard"], 0, lambda: None, wait=True)) == []


def test_one_subscriber_too_many() -> None:
    dispatcher = Dispatcher(FanOutSettings(max_subscribers=2))
    first, _ = (dispatcher.subscribe([], 0, lambda: None) for _ in range(2))
    with pytest.raises(Refused, match="2 subscribers are there") as refused:
        dispatcher.subscribe([], 0, lambda: None)
    assert (refused.value.reason, refused.value.retry_after_s) == (Reason.TOO_MANY_STREAMS, 1.0)
    dispatcher.leave(first)
    dispatcher.subscribe([], 0, lambda: None)


def test_the_largest_stream_gives_way_when_memory_is_short() -> None:
    dispatcher = Dispatcher(FanOutSettings(queue_frames=4, buffer_bytes=10))
    small, large = dispatcher.start("small"), dispatcher.start("large")
    watching = dispatcher.subscribe(["small", "large"], 0, lambda: None)
    small.publish([frame("small", n, 1) for n in range(3)])
    large.publish([frame("large", 10 + n, 4) for n in range(3)])
    assert dispatcher.nbytes == 7
    assert told(watching) == [0, Gap("large", 2), 12, 1, 2]


def test_a_frame_larger_than_all_memory_is_there_alone() -> None:
    dispatcher = Dispatcher(FanOutSettings(buffer_bytes=10))
    small, large = dispatcher.start("small"), dispatcher.start("large")
    watching = dispatcher.subscribe(["small", "large"], 0, lambda: None)
    small.publish([frame("small", 0)])
    large.publish([frame("large", 9, 99)])
    assert (dispatcher.nbytes, told(watching)) == (99, [Gap("small", 1), 9])
