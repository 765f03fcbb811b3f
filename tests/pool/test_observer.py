"""News of the pool: each event arrives once, and an observer's fault harms nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    DebugLevel,
    DoubleRelease,
    PoolExhausted,
    PoolManager,
    PoolObserver,
)
from framesrv.pool.memory import PAGE_BYTES
from framesrv.pool.room import Room
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import check_identities

EVENTS = sorted(name for name in vars(PoolObserver) if not name.startswith("_"))
News = list[tuple[Any, ...]]


def recording(raising: bool = False) -> tuple[PoolObserver, News]:
    """An observer of every event."""
    news: News = []

    def method(event: str) -> Callable[..., None]:
        def heard(self: PoolObserver, *details: object) -> None:
            news.append((event, *details))
            if raising:
                raise RuntimeError(f"rigged at {event}")

        return heard

    observer_class = type("Recording", (PoolObserver,), {event: method(event) for event in EVENTS})
    observer: PoolObserver = observer_class()
    return observer, news


def scene(clock: FakeClock, observer: PoolObserver, **options: Any) -> ArrayPool:
    options.setdefault("capacity", 1)
    options.setdefault("debug", DebugLevel.OFF)
    return ArrayPool("subject", shape=(4,), clock=clock, observer=observer, **options)


def waited(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer)
    lease = pool.acquire()
    clock.after(0.25, lease.release)
    pool.acquire(timeout_s=1.0).release()


def held(clock: FakeClock, observer: PoolObserver) -> None:
    with scene(clock, observer, debug=DebugLevel.SAMPLE).acquire():
        clock.advance(1.5)


def missed(clock: FakeClock, observer: PoolObserver) -> None:
    scene(clock, observer, warm=0).acquire().release()


def timed_out(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer)
    with pool.acquire(), pytest.raises(PoolExhausted):
        pool.acquire(timeout_s=0.5)


def discarded(clock: FakeClock, observer: PoolObserver) -> None:
    pool = ByteArrayPool(
        "subject", initial_bytes=8, max_bytes=8, capacity=1, clock=clock, observer=observer,
        debug=DebugLevel.OFF,
    )  # fmt: skip
    with pool.acquire() as lease:
        lease.buffer.extend(b"too much")


def trimmed(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer, capacity=3, warm=1)
    for lease in [pool.acquire() for _ in range(3)]:
        lease.release()
    observer_news(observer).clear()  # two misses
    pool.trim()


def leaked(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer)
    pool.acquire()
    pool.stats()
    pool.stats()


def leak_came_back(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer)
    lease = pool.acquire()
    clock.advance(61.0)
    pool.watch(60.0)
    observer_news(observer).clear()  # the leak itself
    lease.release()
    pool.watch(60.0)
    pool.watch(60.0)


def misused(clock: FakeClock, observer: PoolObserver) -> None:
    lease = scene(clock, observer).acquire()
    lease.release()
    lease.release()


def quarantine_lasts(clock: FakeClock, observer: PoolObserver) -> None:
    pool = scene(clock, observer)
    with pool.acquire() as lease:
        kept = lease.array
    clock.advance(2.0)
    pool.watch(60.0)
    pool.watch(60.0)
    assert kept is not None


SCENES: dict[str, tuple[Callable[[FakeClock, PoolObserver], None], list[Any]]] = {
    "waited": (waited, [pytest.approx(0.25)]),
    "held": (held, [1.5]),
    "missed": (missed, []),
    "timed_out": (timed_out, [pytest.approx(0.5)]),
    "discarded": (discarded, ["oversized"]),
    "trimmed": (trimmed, [2]),
    "leaked": (leaked, ["dropped"]),
    "leak_came_back": (leak_came_back, []),
    "misused": (misused, ["double_release"]),
    "quarantine_lasts": (quarantine_lasts, []),
}
NEWS_OF: dict[int, News] = {}


def observer_news(observer: PoolObserver) -> News:
    return NEWS_OF[id(observer)]


@pytest.fixture
def observed() -> Any:
    observer, news = recording()
    NEWS_OF[id(observer)] = news
    yield observer, news
    del NEWS_OF[id(observer)]


def test_there_is_a_scene_for_every_event() -> None:
    assert sorted(SCENES) == EVENTS


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_arrives_once(event: str, observed: tuple[PoolObserver, News]) -> None:
    observer, news = observed
    play, details = SCENES[event]
    play(FakeClock(), observer)
    [(name, pool, *rest)] = news
    assert (name, pool) == (event, "subject")
    assert rest[: len(details)] == details
    assert all("pool 'subject'" in text for text in rest[len(details) :])


def test_borrowing_and_returning_alone_is_no_news() -> None:
    observer, news = recording()
    pool = scene(FakeClock(), observer)
    for _ in range(200):
        pool.acquire().release()
    assert news == []


def test_the_waits_of_tasks_are_news_as_well() -> None:
    async def main(clock: FakeClock) -> News:
        observer, news = recording()
        pool = scene(clock, observer)
        lease = pool.acquire()
        asyncio.get_running_loop().call_later(0.25, lease.release)
        async with pool.acquire_async(timeout_s=1.0):
            pass
        return news

    [(event, pool, wait_s)] = run_virtually(main)
    assert (event, pool) == ("waited", "subject")
    assert wait_s == pytest.approx(0.25, abs=0.011)


def test_one_who_did_not_have_to_wait_did_not_wait() -> None:
    observer, news = recording()
    pool = scene(FakeClock(), observer, warm=0)
    pool.acquire().release()
    assert news == [("missed", "subject")]


def test_the_manager_tells_of_the_ladder_and_of_oversize() -> None:
    observer, news = recording()
    manager = PoolManager(1 << 27, observer=observer, debug=DebugLevel.OFF)
    manager.acquire((5, 5)).release()
    manager.acquire((64 << 20, 1)).release()
    manager.acquire((64 << 20, 1)).release()
    manager.trim()
    with manager.acquire((16385 * PAGE_BYTES,)):
        pass
    assert news[0] == ("missed", "ladder")
    assert ("trimmed", "ladder", 2) in news or news.count(("trimmed", "ladder", 1)) == 2
    assert news[-2:] == [("missed", "oversize"), ("discarded", "oversize", "oversize")]


class TestAFaultOfTheObserver:
    @pytest.mark.parametrize("event", EVENTS)
    def test_harms_nobody_and_is_logged(self, event: str, caplog: pytest.LogCaptureFixture) -> None:
        observer, news = recording(raising=True)
        NEWS_OF[id(observer)] = news
        SCENES[event][0](FakeClock(), observer)
        del NEWS_OF[id(observer)]
        assert [name for name, *_ in news] == [event]
        faults = [record for record in caplog.records if "observer raised" in record.getMessage()]
        assert faults
        assert faults[-1].exc_info is not None
        assert str(faults[-1].exc_info[1]) == f"rigged at {event}"

    def test_does_not_hide_the_error_of_the_misuse(self) -> None:
        observer, _ = recording(raising=True)
        pool = scene(FakeClock(), observer, debug=DebugLevel.SAMPLE)
        lease = pool.acquire()
        lease.release()
        with pytest.raises(DoubleRelease):
            lease.release()
        check_identities(pool.stats())

    def test_does_not_keep_the_news_after_it(self) -> None:
        observer, news = recording(raising=True)
        pool = scene(FakeClock(), observer, capacity=3, warm=0)
        for lease in [pool.acquire() for _ in range(3)]:
            lease.release()
        assert [event for event, *_ in news] == ["missed"] * 3


def test_news_that_another_thread_has_sent_is_not_missed() -> None:
    class Emptied(deque[Callable[[], object]]):
        def popleft(self) -> Callable[[], object]:
            self.clear()
            return super().popleft()

    room = Room()
    room._outbox = Emptied()
    heard: list[bool] = []
    room.tell(lambda: heard.append(True))
    assert heard == []


def test_an_observer_may_ask_the_pool_for_its_numbers() -> None:
    """It is called when the lock is free."""

    class Asking(PoolObserver):
        def missed(self, pool: str) -> None:
            leased.append(subject.stats().leased)

    leased: list[int] = []
    subject = scene(FakeClock(), Asking(), warm=0)
    subject.acquire().release()
    assert leased == [1]


def test_by_default_nothing_is_done() -> None:
    silent = PoolObserver()
    silent.waited("p", 1.0)
    silent.held("p", 1.0)
    silent.missed("p")
    silent.timed_out("p", 1.0)
    silent.discarded("p", "why")
    silent.trimmed("p", 1)
    silent.leaked("p", "kind", "detail")
    silent.leak_came_back("p", "detail")
    silent.misused("p", "kind", "detail")
    silent.quarantine_lasts("p", "detail")
