"""Each misuse is caught: at which level, and in which words.

Writing after the release has files of its own: ``debug/test_poison`` and ``debug/test_fence``;
a ring of waiters is in ``test_deadlock``.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    DebugLevel,
    DoubleRelease,
    ForeignObject,
    PoolError,
    PoolExhausted,
    PoolObserver,
    PoolStats,
    RecordPool,
    RetainedView,
    UnpooledArrayPool,
    UseAfterRelease,
)
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="fence needs Linux")
FENCE = pytest.param(DebugLevel.FENCE, marks=LINUX)
LEVELS = [DebugLevel.OFF, DebugLevel.SAMPLE, DebugLevel.POISON, FENCE]
UNMARKED = [DebugLevel.OFF, DebugLevel.SAMPLE]
MARKED = [DebugLevel.POISON, FENCE]
ATTRIBUTES = {"array": "array", "bytesio": "buffer", "bytearray": "buffer", "record": "record"}

at_every_level = pytest.mark.parametrize("level", LEVELS)
for_every_kind = pytest.mark.parametrize("kind", list(ATTRIBUTES))


class Note:
    def __init__(self) -> None:
        self.text = ""

    def reset(self) -> None:
        self.text = ""


MAKERS: dict[str, Callable[..., Any]] = {
    "array": lambda **options: ArrayPool("subject", shape=(4, 5, 3), capacity=1, **options),
    "bytesio": lambda **options: BytesIOPool("subject", initial_bytes=64, capacity=1, **options),
    "bytearray": lambda **options: ByteArrayPool(
        "subject", initial_bytes=16, capacity=1, **options
    ),
    "record": lambda **options: RecordPool("subject", Note, capacity=1, **options),
}


class Recorder(PoolObserver):
    def __init__(self) -> None:
        self.misuses: list[tuple[str, str, str]] = []
        self.leaks: list[tuple[str, str, str]] = []
        self.lasting: list[tuple[str, str]] = []

    def misused(self, pool: str, kind: str, detail: str) -> None:
        self.misuses.append((pool, kind, detail))

    def leaked(self, pool: str, kind: str, detail: str) -> None:
        self.leaks.append((pool, kind, detail))

    def quarantine_lasts(self, pool: str, detail: str) -> None:
        self.lasting.append((pool, detail))


def make(kind: str, level: DebugLevel, **options: Any) -> Any:
    return MAKERS[kind](debug=level, **options)


def buffer_of(lease: Any, kind: str) -> Any:
    return getattr(lease, ATTRIBUTES[kind])


def whole(pool: Any) -> PoolStats:
    """The numbers of the pool, which must add up."""
    stats: PoolStats = pool.stats()
    check_identities(stats)
    return stats


def lends_again(pool: Any) -> None:
    with pool.acquire(timeout_s=0.0):
        assert whole(pool).leased == 1
    assert whole(pool).idle == 1


def borrow_in_this_place(pool: Any) -> Any:
    return pool.acquire()


def release_and_fail(lease: Any) -> NoReturn:
    lease.release()
    raise ZeroDivisionError


def keep_a_slice_and_fail(lease: Any, keeper: list[Any]) -> NoReturn:
    keeper.append(lease.array[0])
    raise ZeroDivisionError


class TestDoubleRelease:
    @for_every_kind
    @pytest.mark.parametrize("level", [DebugLevel.SAMPLE, *MARKED])
    def test_it_is_refused(self, kind: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        lease = pool.acquire()
        lease.release()
        for _ in range(2):
            with pytest.raises(DoubleRelease) as caught:
                lease.release()
        text = str(caught.value)
        assert "a lease of pool 'subject' was released a second time" in text
        assert "release it once, or leave it to the with block" in text
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse_by_kind["double_release"]) == (1, 1, 2)
        assert observer.misuses == [("subject", "double_release", text)] * 2

    @for_every_kind
    def test_at_off_it_is_ignored_and_counted(self, kind: str) -> None:
        observer = Recorder()
        pool = make(kind, DebugLevel.OFF, observer=observer)
        lease = pool.acquire()
        lease.release()
        lease.release()
        pool.release(lease)
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse_by_kind["double_release"]) == (1, 1, 2)
        assert [(name, kind) for name, kind, _ in observer.misuses] == [
            ("subject", "double_release")
        ] * 2

    @at_every_level
    def test_the_next_holder_does_not_notice(self, level: DebugLevel) -> None:
        pool = make("array", level)
        late = pool.acquire()
        late.release()
        with pool.acquire() as lease:
            lease.array[...] = 7
            try:
                late.release()
            except DoubleRelease:
                assert level is not DebugLevel.OFF
            else:
                assert level is DebugLevel.OFF
            assert pool.try_acquire() is None
            assert (lease.array == 7).all()

    @at_every_level
    def test_leaving_with_after_a_release_is_none(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            lease.release()
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse) == (1, 1, 0)

    @at_every_level
    def test_leaving_with_by_an_error_after_a_release_is_none(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(ZeroDivisionError), pool.acquire() as lease:
            release_and_fail(lease)
        assert whole(pool).misuse == 0


class TestUseAfterRelease:
    @for_every_kind
    @at_every_level
    def test_the_buffer_is_out_of_reach(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        attribute = ATTRIBUTES[kind]
        with pytest.raises(UseAfterRelease) as caught:
            buffer_of(lease, kind)
        text = str(caught.value)
        assert f"{attribute!r} touched on a lease of pool 'subject' after its release" in text
        assert "copy what you need before you release" in text

    @pytest.mark.parametrize("kind", ["bytesio", "bytearray"])
    @at_every_level
    def test_what_was_written_is_out_of_reach(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        with pytest.raises(UseAfterRelease, match="subject"):
            lease.written()

    @at_every_level
    def test_used_can_neither_be_read_nor_set(self, level: DebugLevel) -> None:
        lease = make("bytearray", level).acquire()
        lease.used = 3
        lease.release()
        with pytest.raises(UseAfterRelease, match="'used' touched on a lease of pool 'subject'"):
            _ = lease.used
        with pytest.raises(UseAfterRelease, match="on a lease of pool 'subject'"):
            lease.used = 3

    @for_every_kind
    @at_every_level
    def test_a_released_lease_cannot_be_entered(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        with pytest.raises(UseAfterRelease, match="entered on a lease of pool 'subject'"), lease:
            pass

    @at_every_level
    def test_an_attribute_of_another_kind_is_just_missing(self, level: DebugLevel) -> None:
        lease = make("array", level).acquire()
        lease.release()
        for name in ("buffer", "record", "used", "nonsense"):
            with pytest.raises(AttributeError, match=name):
                getattr(lease, name)


class TestForeignObject:
    @for_every_kind
    @at_every_level
    def test_another_pools_lease(self, kind: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        other = BytesIOPool("other", initial_bytes=8, capacity=1, debug=level)
        foreign = other.acquire()
        with pytest.raises(ForeignObject) as caught:
            pool.release(foreign)
        text = "pool 'subject' never lent this: it was handed a lease of pool 'other'"
        assert str(caught.value) == text
        assert observer.misuses == [("subject", "foreign_object", text)]
        assert not foreign.released
        assert whole(pool).misuse_by_kind["foreign_object"] == 1
        other.release(foreign)
        assert whole(other).misuse == 0

    @pytest.mark.parametrize("thing", [object(), None, "lease", np.zeros(3)])
    @at_every_level
    def test_any_object(self, thing: object, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(ForeignObject, match=f"it was handed '{type(thing).__name__}'"):
            pool.release(thing)
        lends_again(pool)

    @at_every_level
    def test_the_lent_array_in_place_of_its_lease(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            with pytest.raises(ForeignObject, match="it was handed 'ndarray'"):
                pool.release(lease.array)
            assert not lease.released

    @at_every_level
    def test_a_lease_of_the_twin(self, level: DebugLevel) -> None:
        twin = UnpooledArrayPool("subject", shape=(4, 5, 3), capacity=1)
        pool = make("array", level)
        with twin.acquire() as lease, pytest.raises(ForeignObject, match="subject"):
            pool.release(lease)


class TestDroppedLease:
    @for_every_kind
    @pytest.mark.parametrize("level", [DebugLevel.SAMPLE, *MARKED])
    def test_a_traced_one_is_known_at_once_and_its_stack_is_logged(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        borrow_in_this_place(pool)
        assert pool.leaks == {"dropped": 1}
        assert observer.leaks == [], "a finalizer may have interrupted anything: it tells nobody"
        whole(pool)
        [(name, leak, detail)] = observer.leaks
        assert (name, leak) == ("subject", "dropped")
        assert "pool 'subject': a lease was dropped without release; borrowed " in detail
        assert "s ago by thread 'MainThread' at:" in detail
        assert "in borrow_in_this_place\n    return pool.acquire()" in detail
        assert [record.getMessage() for record in caplog.records] == [detail]
        assert caplog.records[0].levelname == "WARNING"
        stats = whole(pool)
        assert (stats.idle, stats.leaks_by_kind) == (1, {"dropped": 1})
        lends_again(pool)

    @for_every_kind
    @pytest.mark.parametrize("level", UNMARKED)
    def test_an_untraced_one_is_home_at_the_next_look(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        with pool.acquire():
            pass  # the first lease of a buffer is traced at sample, the second is not
        borrow_in_this_place(pool)
        assert observer.leaks == []
        stats = whole(pool)
        assert (stats.idle, stats.leaks_by_kind) == (1, {"dropped": 1})
        [(_, _, detail)] = observer.leaks
        assert "was dropped without release" in detail
        assert "one lease in 128 carries its stack; FRAMESRV_POOL_DEBUG=poison: every" in detail
        assert "borrow_in_this_place" not in detail
        assert detail in caplog.text
        lends_again(pool)

    @for_every_kind
    @at_every_level
    def test_a_borrower_finds_it(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        for _ in range(3):
            pool.acquire(timeout_s=0.0)
        assert whole(pool).leaks_by_kind == {"dropped": 3}

    @for_every_kind
    @at_every_level
    def test_one_who_waits_finds_it_within_ten_milliseconds(
        self, kind: str, level: DebugLevel
    ) -> None:
        clock = FakeClock()
        pool = make(kind, level, clock=clock)
        with pool.acquire():
            pass
        held = [pool.acquire()]
        before = clock.now()
        clock.after(0.015, held.clear)
        with pool.acquire(timeout_s=1.0):
            assert 0.0149 < clock.now() - before < 0.0251

    @for_every_kind
    @at_every_level
    def test_one_in_a_ring_of_references(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        with pool.acquire():
            pass
        ring: list[Any] = [pool.acquire()]
        ring.append(ring)
        del ring
        gc.collect()
        assert whole(pool).idle == 1

    @for_every_kind
    @at_every_level
    def test_its_buffer_may_still_be_kept(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        lease = pool.acquire()
        kept = buffer_of(lease, kind)
        del lease
        stats = whole(pool)
        assert (stats.quarantined, stats.leaks) == (1, 1)
        assert kept is not None
        assert pool.try_acquire() is None
        del kept
        lends_again(pool)

    @at_every_level
    def test_a_record_that_cannot_be_reset_is_not_kept(self, level: DebugLevel) -> None:
        fails = [False]

        class Stubborn(Note):
            def reset(self) -> None:
                if fails[0]:
                    raise RuntimeError("no")
                super().reset()

        pool = RecordPool("subject", Stubborn, capacity=1, debug=level)
        fails[0] = True
        pool.acquire()
        stats = whole(pool)
        assert (stats.existing, stats.discards_by_reason) == (0, {"reset_failed": 1})
        fails[0] = False
        pool.acquire(timeout_s=0.0).release()

    @at_every_level
    def test_told_of_it_twice_the_pool_counts_it_once(self, level: DebugLevel) -> None:
        """Its finalizer and a sweep may both find it."""
        pool = make("array", level)
        pool.acquire()
        before = whole(pool)
        [slot] = pool.slots
        pool.lost(slot)
        assert whole(pool) == before
        assert before.leaks == 1

    @at_every_level
    def test_a_buffer_that_an_interrupt_left_nowhere_is_found(self, level: DebugLevel) -> None:
        """As between the two steps of a borrow: taken from its place, and not yet lent."""
        pool = make("array", level)
        pool._idle.pop()
        stats = whole(pool)
        assert (stats.idle, stats.leaks, len(pool._idle)) == (1, 0, 1)
        lends_again(pool)

    @at_every_level
    def test_a_buffer_that_an_interrupt_left_half_in_quarantine_is_found(
        self, level: DebugLevel
    ) -> None:
        """It is marked as parked, and was not yet entered in the list of those that are."""
        pool = make("array", level)
        pool._idle.pop().parked = True
        lends_again(pool)

    @pytest.mark.parametrize("level", UNMARKED)
    def test_a_reset_may_use_the_pools(self, level: DebugLevel) -> None:
        """It is foreign code, so it never runs under the pools' lock."""
        seen: list[int] = []

        class Asking(Note):
            def reset(self) -> None:
                seen.append(pool.stats().capacity)

        pool = RecordPool("subject", Asking, capacity=1, debug=level)
        pool.acquire()  # dropped: found by a look, and reset after it
        whole(pool)
        assert seen
        lease = pool.acquire()
        kept = lease.record
        lease.release()
        del kept  # leaves quarantine at the next look
        lends_again(pool)

    def test_bookkeeping_refuses_to_be_entered_twice(self) -> None:
        """As from a signal handler that strikes while this thread holds the lock."""
        pool = make("array", DebugLevel.OFF)
        with pytest.raises(PoolError, match="from within its own bookkeeping"):
            ROOM.run(pool.stats)
        lends_again(pool)


class TestKeptHandle:
    @for_every_kind
    @at_every_level
    def test_in_an_attribute(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        keeper = SimpleNamespace()
        with pool.acquire() as lease:
            keeper.kept = buffer_of(lease, kind)
        stats = whole(pool)
        assert (stats.quarantined, stats.idle, stats.misuse) == (1, 0, 0)
        assert pool.try_acquire() is None
        del keeper.kept
        lends_again(pool)

    @at_every_level
    def test_in_a_memoryview(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            view = memoryview(lease.array)
        stats = whole(pool)
        assert (stats.quarantined, stats.idle, stats.misuse) == (1, 0, 0)
        assert pool.try_acquire() is None
        view.release()
        lends_again(pool)

    @pytest.mark.parametrize("kind", ["bytesio", "bytearray"])
    @at_every_level
    def test_what_was_written_in_a_memoryview(self, kind: str, level: DebugLevel) -> None:
        pool = make(kind, level)
        with pool.acquire() as lease:
            if kind == "bytesio":
                lease.buffer.write(b"frame")
            else:
                lease.used = 5
            view = lease.written()
        assert len(view) == 5
        assert (whole(pool).quarantined, pool.stats().misuse) == (1, 0)
        assert pool.try_acquire() is None
        view.release()
        lends_again(pool)

    @at_every_level
    def test_in_an_array_made_of_a_memoryview(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            tensor = np.asarray(memoryview(lease.array))
        assert tensor.shape == (4, 5, 3)
        assert (whole(pool).quarantined, pool.stats().misuse) == (1, 0)
        assert pool.try_acquire() is None
        del tensor
        lends_again(pool)

    @at_every_level
    def test_an_array_handle_is_made_read_only_and_is_never_emptied(
        self, level: DebugLevel
    ) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        assert kept.shape == (4, 5, 3)
        with pytest.raises(ValueError, match="read-only"):
            kept[0, 0, 0] = 1

    @at_every_level
    def test_the_death_of_an_array_handle_is_noticed_at_once(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        assert pool.scrape().quarantined == 1
        del kept
        assert pool.scrape().quarantined == 0, "found without a look"
        lends_again(pool)

    @for_every_kind
    @at_every_level
    def test_one_who_waits_gets_it_within_ten_milliseconds(
        self, kind: str, level: DebugLevel
    ) -> None:
        clock = FakeClock()
        pool = make(kind, level, clock=clock)
        kept = []
        with pool.acquire() as lease:
            kept.append(buffer_of(lease, kind))
        before = clock.now()
        clock.after(0.015, kept.clear)
        with pool.acquire(timeout_s=1.0):
            assert 0.0149 < clock.now() - before < 0.0251

    @for_every_kind
    @at_every_level
    def test_past_a_second_it_is_reported_once(
        self, kind: str, level: DebugLevel, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock, observer = FakeClock(), Recorder()
        pool = make(kind, level, clock=clock, observer=observer)
        for report in range(2):
            with pool.acquire() as lease:
                kept = buffer_of(lease, kind)
            assert kept is not None
            clock.advance(0.9)
            pool.watch(60.0)
            assert len(observer.lasting) == report
            clock.advance(0.6)
            pool.watch(60.0)
            pool.watch(60.0)
            del kept
            assert len(observer.lasting) == report + 1
        name, detail = observer.lasting[0]
        assert name == "subject"
        assert "a returned buffer has been kept for 1.5 s by its last holder" in detail
        assert "cannot be lent; borrowed 1.500 s ago by thread 'MainThread'" in detail
        assert detail in caplog.text

    def test_the_error_of_an_exhausted_pool_tells_how_to_avoid_it(self) -> None:
        pool = make("array", DebugLevel.SAMPLE, clock=FakeClock())
        with pool.acquire() as lease:
            kept = lease.array
        with pytest.raises(PoolExhausted, match=r"quarantined 1.*one buffer more per thread"):
            pool.acquire(timeout_s=0.0)
        del kept

    @at_every_level
    def test_a_closed_pool_lets_it_go_when_it_dies(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            kept = lease.array
        pool.close()
        assert whole(pool).quarantined == 1
        del kept
        stats = whole(pool)
        assert (stats.existing, stats.discards_by_reason) == (0, {"closed": 1})


DERIVED: dict[str, Callable[[Any], Any]] = {
    "slice": lambda array: array[1:3],
    "element row": lambda array: array[0],
    "slice of a slice": lambda array: array[1:3][:, 1:],
    "reshape": lambda array: array.reshape(-1),
    "transpose": lambda array: array.T,
    "other dtype": lambda array: array.view(np.int8),
    "ellipsis": lambda array: array[...],
}


class TestRetainedSlice:
    @pytest.mark.parametrize("way", list(DERIVED))
    @pytest.mark.parametrize("level", UNMARKED)
    def test_below_poison_it_is_quarantined(self, way: str, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            part = DERIVED[way](lease.array)
        stats = whole(pool)
        assert (stats.quarantined, stats.misuse) == (1, 0)
        assert part.size
        assert pool.try_acquire() is None
        del part
        lends_again(pool)

    @pytest.mark.parametrize("way", list(DERIVED))
    @pytest.mark.parametrize("level", MARKED)
    def test_at_poison_it_is_an_error(self, way: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make("array", level, observer=observer)
        lease = borrow_in_this_place(pool)
        part = DERIVED[way](lease.array)
        with pytest.raises(RetainedView) as caught:
            lease.release()
        text = str(caught.value)
        assert "pool 'subject': 1 view(s) derived from the lent array" in text
        assert "copy what you keep, or `del` the view before the release" in text
        borrowed, returned = text.split("\nBorrowed at:\n")[1].split("\nReturned at:\n")
        assert "in borrow_in_this_place" in borrowed
        assert "in test_at_poison_it_is_an_error\n    lease.release()" in returned
        assert observer.misuses == [("subject", "retained_view", text)]
        stats = whole(pool)
        assert (stats.quarantined, stats.misuse_by_kind["retained_view"]) == (1, 1)
        assert lease.released
        assert pool.try_acquire() is None
        del part
        lends_again(pool)

    @pytest.mark.parametrize("level", MARKED)
    def test_all_views_are_counted(self, level: DebugLevel) -> None:
        pool = make("array", level)
        lease = pool.acquire()
        handle, parts = lease.array, [lease.array[row] for row in range(3)]
        with pytest.raises(RetainedView, match=r"3 view\(s\)"):
            lease.release()
        del handle
        assert whole(pool).quarantined == 1
        parts.clear()
        lends_again(pool)

    @pytest.mark.parametrize("level", MARKED)
    def test_with_raises_it_at_its_end(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(RetainedView), pool.acquire() as lease:
            part = lease.array[0]
        assert lease.released
        del part
        lends_again(pool)

    @pytest.mark.parametrize("level", MARKED)
    def test_an_error_inside_with_is_not_hidden_by_it(self, level: DebugLevel) -> None:
        pool = make("array", level)
        parts: list[Any] = []
        with pytest.raises(ZeroDivisionError), pool.acquire() as lease:
            keep_a_slice_and_fail(lease, parts)
        stats = whole(pool)
        assert (stats.quarantined, stats.misuse_by_kind["retained_view"]) == (1, 1)
        parts.clear()
        lends_again(pool)

    @at_every_level
    def test_a_copy_is_not_one(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            lease.array[...] = 5
            part = lease.array[0].copy()
        assert (part == 5).all()
        assert (whole(pool).idle, pool.stats().misuse) == (1, 0)

    @at_every_level
    def test_one_who_waits_gets_the_buffer_when_the_slice_dies(self, level: DebugLevel) -> None:
        clock = FakeClock()
        pool = make("array", level, clock=clock)
        lease = pool.acquire()
        parts = [lease.array[0]]
        try:
            lease.release()
        except RetainedView:
            assert level in (DebugLevel.POISON, DebugLevel.FENCE)
        before = clock.now()
        clock.after(0.015, parts.clear)
        with pool.acquire(timeout_s=1.0):
            assert 0.0149 < clock.now() - before < 0.0251


class TestResetThatFails:
    @pytest.mark.parametrize("level", [DebugLevel.OFF, DebugLevel.SAMPLE, DebugLevel.POISON])
    def test_the_record_is_discarded_and_the_fault_raised(self, level: DebugLevel) -> None:
        fails = [False]

        class Stubborn(Note):
            def reset(self) -> None:
                if fails[0]:
                    raise RuntimeError("no reset today")
                super().reset()

        pool = RecordPool("subject", Stubborn, capacity=1, debug=level)
        lease = pool.acquire()
        fails[0] = True
        with pytest.raises(RuntimeError, match="no reset today"):
            lease.release()
        fails[0] = False
        stats = whole(pool)
        assert (stats.leased, stats.returns, stats.leaks) == (0, 1, 0)
        assert stats.discards_by_reason == {"reset_failed": 1}
        with pool.acquire(timeout_s=0.0) as other:
            assert other.record.text == ""
