"""How many lines pass, and that none is lost without being counted."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.observability.logs.rate import LIMITS, QUIET_S, USUAL, RateLimit


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def record(place: int = 1, name: str = "framesrv.transport", **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "file.py", place, "call refused", (), None)
    made.__dict__.update(fields)
    return made


def passed(limit: RateLimit, times: int, **fields: Any) -> int:
    return sum(limit.passes(record(**fields)) for _ in range(times))


def held_back(limit: RateLimit) -> int:
    return sum(told.__dict__["suppressed"] for told in limit.owed(quiet_s=0))


def test_a_burst_passes_and_then_one_a_second() -> None:
    limit = RateLimit(clock := Clock())
    assert passed(limit, 1000) == USUAL.burst
    for _ in range(5):
        clock.now_s += 1 / USUAL.per_s
        assert passed(limit, 1000) == 1
    clock.now_s += 3600
    assert passed(limit, 1000) == USUAL.burst


def test_the_next_one_tells_how_many_were_held_back() -> None:
    limit = RateLimit(clock := Clock())
    assert passed(limit, 1000) == USUAL.burst
    clock.now_s += 1 / USUAL.per_s
    assert limit.passes(late := record())
    assert late.__dict__["suppressed"] == 1000 - USUAL.burst
    clock.now_s += 3600
    assert limit.passes(later := record())
    assert "suppressed" not in later.__dict__


def test_one_kind_takes_no_room_from_another() -> None:
    limit = RateLimit(Clock())
    for fields in ({}, {"place": 2}, {"reason": "A"}, {"reason": "B"}, {"levelno": logging.ERROR}):
        assert passed(limit, 99, **fields) == USUAL.burst


def test_streams_come_in_crowds() -> None:
    assert passed(RateLimit(Clock()), 999, name="framesrv.streams") == (
        LIMITS["framesrv.streams"].burst
    )


def test_the_server_s_own_start_and_end_always_pass() -> None:
    assert passed(RateLimit(Clock()), 5000, name="framesrv") == 5000


def test_what_was_held_back_is_told_when_it_is_quiet_again() -> None:
    limit = RateLimit(clock := Clock())
    passed(limit, 25, reason="QUEUE_FULL")
    clock.now_s += QUIET_S / 2
    assert list(limit.owed()) == []
    clock.now_s += QUIET_S / 2
    (told,) = limit.owed()
    assert told.name == "framesrv.transport"
    assert told.__dict__["suppressed"] == 25 - USUAL.burst
    assert (told.__dict__["like"], told.__dict__["reason"]) == ("call refused", "QUEUE_FULL")
    assert list(limit.owed(quiet_s=0)) == []


@given(
    keys=st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["", "A", "B"]), st.floats(0, 5)),
        max_size=200,
    )
)
def test_every_line_is_written_or_counted(keys: list[tuple[int, str, float]]) -> None:
    """Also of kinds for which there is no place left."""
    limit = RateLimit(clock := Clock(), keys_max=8)
    written = told = 0
    for place, reason, pause_s in keys:
        clock.now_s += pause_s
        line = record(place, reason=reason)
        if limit.passes(line):
            written += 1
            told += line.__dict__.get("suppressed", 0)
    assert written + told + held_back(limit) == len(keys)


@pytest.mark.unmeasured
def test_endlessly_many_kinds_are_bounded_and_remembered_by_few() -> None:
    limit = RateLimit(clock := Clock())
    assert sum(limit.passes(record(place)) for place in range(100_000)) <= 512 + USUAL.burst
    assert held_back(limit) >= 99_000
    # A day later all of those are forgotten, and there is place for others.
    clock.now_s += 86_400
    assert passed(limit, 99, place=-1) == USUAL.burst
    assert passed(limit, 99, place=-2) == USUAL.burst


@pytest.mark.parametrize("reason", [[], {}, None, 7, object()])
def test_a_reason_may_be_anything(reason: object) -> None:
    assert passed(RateLimit(Clock()), 99, reason=reason) == USUAL.burst


def test_threads_lose_no_count() -> None:
    limit = RateLimit(Clock())
    written: list[int] = []
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda: written.append(passed(limit, 2000))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sum(written) == USUAL.burst
    assert held_back(limit) == 16_000 - USUAL.burst


def test_it_may_be_entered_again_from_within() -> None:
    """The garbage collector runs anywhere, and whom it calls may have something to log."""
    limit = RateLimit()
    entered = threading.Event()

    class Logs(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:  # called where a kind is looked up
            limit.passes(record(2))
            entered.set()
            return str.__eq__(self, other)

    done = threading.Event()

    def work() -> None:
        passed(limit, 2, pathname=Logs("same.py"))
        limit.passes(record(pathname=Logs("same.py")))
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(20)
    assert entered.is_set()


def test_a_long_reason_is_not_kept() -> None:
    limit = RateLimit()
    reasons = ["x" * 100_000 + str(number) for number in range(20)]
    assert sum(passed(limit, 1, reason=reason) for reason in reasons) == USUAL.burst
    kept = [*limit._buckets, *(bucket.like.values() for bucket in limit._buckets.values())]
    assert max(len(str(text)) for texts in kept for text in texts) < 1000


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="this system cannot fork")
def test_a_fork_leaves_no_lock_behind() -> None:
    limit = RateLimit()
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with limit._lock:
            held.set()
            free.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(60)
        child = os.fork()
        if not child:  # the thread that holds it is not there
            signal.alarm(20)  # ends it where it stands
            passed(limit, 1)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        free.set()
        holder.join()
