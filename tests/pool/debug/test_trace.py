"""Stacks of borrows: who carries one, what it shows, and what it never keeps alive."""

from __future__ import annotations

import gc
import linecache
import threading
import weakref
from typing import Any

import pytest

from framesrv.pool import ArrayPool, BytesIOPool, DebugLevel
from framesrv.pool.debug.trace import Trace, watched
from framesrv.pool.lease import ArrayLease
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import Recorder


def carries_a_stack(pool: ArrayPool) -> bool:
    with pool.acquire():
        [slot] = pool.slots
        return slot.borrow is not None


def pool_at(level: DebugLevel, **options: Any) -> ArrayPool:
    return ArrayPool("subject", shape=(2,), capacity=1, debug=level, **options)


class TestWhichLeasesAreTraced:
    def test_at_sample_one_in_128_beginning_with_the_first(self) -> None:
        pool = pool_at(DebugLevel.SAMPLE)
        traced = [number for number in range(300) if carries_a_stack(pool)]
        assert traced == [0, 128, 256]

    def test_at_poison_every_one(self) -> None:
        pool = pool_at(DebugLevel.POISON)
        assert all(carries_a_stack(pool) for _ in range(10))

    def test_at_off_none(self) -> None:
        pool = pool_at(DebugLevel.OFF)
        assert not any(carries_a_stack(pool) for _ in range(10))

    def test_a_stack_does_not_outlive_the_next_borrow(self) -> None:
        pool = pool_at(DebugLevel.SAMPLE)
        assert carries_a_stack(pool)
        [slot] = pool.slots
        assert slot.borrow is not None
        assert not carries_a_stack(pool)
        assert slot.borrow is None


class TestTimeHeld:
    def test_a_traced_lease_tells_how_long_it_was_held(self) -> None:
        clock, observer = FakeClock(), Recorder()
        pool = pool_at(DebugLevel.SAMPLE, clock=clock, observer=observer)
        for number in range(130):
            with pool.acquire():
                clock.advance(1.5 if number in (0, 128) else 0.25)
        assert observer.holds == [("subject", 1.5), ("subject", 1.5)]

    def test_at_off_nothing_is_told(self) -> None:
        observer = Recorder()
        pool = pool_at(DebugLevel.OFF, observer=observer)
        with pool.acquire():
            pass
        assert observer.holds == []

    def test_a_second_release_tells_nothing(self) -> None:
        observer = Recorder()
        pool = BytesIOPool(
            "b", initial_bytes=8, capacity=1, debug=DebugLevel.POISON, observer=observer
        )
        with pytest.raises(Exception, match="second time"), pool.acquire() as lease:
            release_twice(lease)
        assert len(observer.holds) == 1


def release_twice(lease: Any) -> None:
    lease.release()
    lease.release()


class TestTrace:
    def test_it_reads_as_a_traceback_the_last_call_last(self) -> None:
        def inner() -> Trace:
            return Trace()

        def outer() -> Trace:
            return inner()

        lines = outer().text().splitlines()
        assert lines[-1] == "    return Trace()"
        assert lines[-2].startswith(f'  File "{__file__}", line ')
        assert lines[-2].endswith(", in inner")
        assert lines[-3] == "    return inner()"
        assert lines[-4].endswith(", in outer")

    def test_it_has_twelve_places_at_most(self) -> None:
        def deep(levels: int) -> Trace:
            return deep(levels - 1) if levels else Trace()

        assert deep(50).text().count("  File ") == 12

    def test_a_shallow_stack_has_what_there_is(self) -> None:
        traces: list[Trace] = []
        thread = threading.Thread(target=lambda: traces.append(Trace()))
        thread.start()
        thread.join()
        assert 1 <= traces[0].text().count("  File ") < 12

    def test_the_pool_itself_is_left_out(self) -> None:
        pool = pool_at(DebugLevel.POISON)
        with pool.acquire():
            [slot] = pool.slots
            assert slot.borrow is not None
            assert "framesrv/pool/" not in slot.borrow.text().replace("tests/", "")

    def test_code_without_source_is_shown_by_its_place(self) -> None:
        names: dict[str, Any] = {"Trace": Trace}
        exec(compile("trace = Trace()", "<no such file>", "exec"), names)  # noqa: S102
        assert names["trace"].text().endswith('  File "<no such file>", line 1, in <module>')

    def test_it_keeps_no_local_alive(self) -> None:
        class Thing:
            pass

        def borrow() -> tuple[Trace, weakref.ref[Thing]]:
            thing = Thing()
            return Trace(), weakref.ref(thing)

        trace, thing = borrow()
        gc.collect()
        assert thing() is None
        assert "in borrow" in trace.text()


def test_a_watched_lease_is_a_lease_of_its_class() -> None:
    pool = pool_at(DebugLevel.SAMPLE)
    with pool.acquire() as lease:
        assert isinstance(lease, ArrayLease)
        assert type(lease) is watched(ArrayLease)
        assert repr(lease) == "<WatchedArrayLease of pool 'subject', held>"
    with pool.acquire() as lease:
        assert type(lease) is ArrayLease


def test_a_lease_that_never_got_its_slot_dies_quietly() -> None:
    """As when an interrupt strikes in the middle of a borrow."""
    lease: Any = object.__new__(watched(ArrayLease))
    assert lease.released
    del lease


def test_a_stack_is_told_even_if_its_source_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> str:
        raise ModuleNotFoundError

    trace = Trace()
    with monkeypatch.context() as patched:  # undone before pytest has a failure to show
        patched.setattr(linecache, "getline", fail)
        text = trace.text()
    assert text.endswith("in test_a_stack_is_told_even_if_its_source_cannot_be_read")
