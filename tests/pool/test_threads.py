"""Many threads on few buffers: nothing shared, nobody starved, first come, first served."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framesrv.pool import ArrayPool, BytesIOPool, PoolManager
from framesrv.pool.line import Line
from framesrv.testing.contract import check_identities
from tests.pool.helpers import run_alone

PATIENT_S = 600.0


def yield_to_others() -> None:
    """Let go of the interpreter for an instant; no time is waited for."""
    time.sleep(0)


def run_threads(work: Callable[[int], None], count: int) -> None:
    """Run ``work(number)`` in so many threads at once; raise what the first of them raised."""
    errors: list[BaseException] = []
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            gate.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_a_million_cycles_of_16_threads_on_4_buffers() -> None:
    """In a process of its own, where no coverage tracer slows it down; see ``million.py``."""
    done = run_alone(Path(__file__).with_name("million.py"))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1000000 cycles, nothing shared, nobody starved\n"


class RecordingLine(Line):
    """Notes in which order tickets entered, under the room's lock."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: list[int] = []

    def enter(self, want: Any) -> None:
        self.entered.append(want.ticket.number)
        super().enter(want)


def test_the_order_of_service_is_the_order_of_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries are noted by the line itself, service when a ticket is made ready."""
    served: list[int] = []
    make_ready = "framesrv.pool.line._make_ready"
    import framesrv.pool.line as line_module

    real = line_module._make_ready

    def note(ticket: Any) -> None:
        served.append(ticket.number)
        real(ticket)

    monkeypatch.setattr(make_ready, note)
    monkeypatch.setattr("framesrv.pool.bounded.Line", RecordingLine)
    pool = ArrayPool("ordered", shape=(8,), capacity=2)

    def work(number: int) -> None:
        for _ in range(300):
            with pool.acquire(timeout_s=PATIENT_S) as lease:
                lease.array.fill(number)
                yield_to_others()

    run_threads(work, count=8)
    line = pool.line
    assert isinstance(line, RecordingLine)
    assert len(line.entered) > 100, "hardly anybody had to queue: the test shows nothing"
    assert served == line.entered


def test_sets_of_many_threads_finish_and_share_nothing() -> None:
    manager = PoolManager(64 * 1024 * 1024)
    for pool in (
        ArrayPool("left", shape=(32,), capacity=2),
        ArrayPool("right", shape=(33,), capacity=2),
        BytesIOPool("out", initial_bytes=64, max_bytes=1024, capacity=2),
    ):
        manager.register(pool)
    jobs = [["left", "right"], ["right", "left", "out"], ["out", "left"], ["right"]]

    def work(number: int) -> None:
        for cycle in range(500):
            job: Any = {place: place for place in jobs[(number + cycle) % len(jobs)]}
            job["image"] = (64, 64 + number)
            with manager.acquire_all(job, timeout_s=PATIENT_S) as leases:
                arrays: list[Any] = [
                    lease.array for _, lease in leases.items() if hasattr(lease, "array")
                ]
                for array in arrays:
                    array.fill(number)
                yield_to_others()
                assert all((array == number).all() for array in arrays)
                del array, arrays

    run_threads(work, count=8)
    for stats in manager.stats().values():
        check_identities(stats)
        assert stats.leased == 0
    assert manager.shutdown(timeout_s=0.0) == []


def test_scrapes_under_load_always_add_up() -> None:
    pool = ArrayPool("busy", shape=(16,), capacity=4, warm=1)
    stop = threading.Event()
    kept: list[np.ndarray[Any, Any]] = []

    def work(number: int) -> None:
        if number == 0:
            last = pool.stats()
            while last.gets < 20_000 or last.leaks < 100:  # until all have had their part
                stats = pool.stats()
                check_identities(stats)
                for counter in ("gets", "hits", "misses", "returns", "trimmed"):
                    assert getattr(stats, counter) >= getattr(last, counter)
                last = stats
                pool.trim()
            stop.set()
            return
        while not stop.is_set():
            with pool.acquire(timeout_s=PATIENT_S) as lease:
                if number == 1:
                    kept[:] = [lease.array]  # always keeps one: quarantine is in play
            if number == 2:
                pool.acquire(timeout_s=PATIENT_S)  # and one leaks

    run_threads(work, count=4)
    kept.clear()
    stats = pool.stats()
    check_identities(stats)
    assert (stats.leased, stats.quarantined) == (0, 0)
    assert stats.leaks > 0
