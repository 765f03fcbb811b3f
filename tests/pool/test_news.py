"""When news is sent, and foreign code run: never from a finalizer, never under the pools' lock."""

from __future__ import annotations

import gc
import linecache
import logging
from pathlib import Path
from typing import Any

import pytest

from framesrv.pool import ArrayPool, BytesIOPool, DebugLevel, PoolObserver, RecordPool
from tests.pool.helpers import check_output


class Heard(PoolObserver):
    def __init__(self) -> None:
        self.leaks: list[str] = []
        self.discards: list[str] = []

    def leaked(self, pool: str, kind: str, detail: str) -> None:
        self.leaks.append(kind)

    def discarded(self, pool: str, why: str) -> None:
        self.discards.append(why)


class Knot:
    """Dies only in a collection."""

    def __init__(self, held: object) -> None:
        self.held, self.me = held, self


class TestFinalizers:
    @pytest.mark.parametrize("knotted", [False, True], ids=["dropped", "collected"])
    def test_a_leak_is_told_with_the_next_call(
        self, knotted: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        heard = Heard()
        pool = ArrayPool("p", shape=(4,), capacity=1, observer=heard, debug=DebugLevel.POISON)
        lease: Any = pool.acquire()
        if knotted:
            Knot(lease)
        with caplog.at_level(logging.WARNING, "framesrv.pool"):
            del lease
            gc.collect()
            assert (heard.leaks, caplog.records) == ([], [])
            pool.acquire(timeout_s=0.0).release()
            assert heard.leaks == ["dropped"]
            assert "dropped without release" in caplog.text

    def test_what_happens_when_a_kept_array_dies_is_told_later(self) -> None:
        heard = Heard()
        pool = ArrayPool("p", shape=(4,), capacity=1, observer=heard, debug=DebugLevel.OFF)
        lease = pool.acquire()
        kept = lease.array
        lease.release()
        pool.close()
        assert kept.size == 4
        del kept
        assert heard.discards == []
        assert pool.stats().existing == 0
        assert heard.discards == ["closed"]


HANDLER_THAT_COLLECTS = """
import faulthandler
import gc
import logging
import logging.handlers
import queue

from framesrv.pool import ArrayPool


class Collecting(queue.Queue):
    def _put(self, item):  # with the queue's lock held
        gc.collect()
        super()._put(item)


class Knot:
    pass


faulthandler.dump_traceback_later(20, exit=True)
gc.disable()
lines = Collecting()
logging.getLogger().addHandler(logging.handlers.QueueHandler(lines))
pool = ArrayPool("p", shape=(4,), capacity=1)
knot = Knot()
knot.me, knot.lease = knot, pool.acquire()
del knot
logging.getLogger("app").warning("hello")
assert pool.stats().leaks == 1
assert lines.get().getMessage() == "hello"
assert "dropped without release" in lines.get().getMessage()
print("no hang")
"""


def test_a_handler_with_a_lock_may_run_the_collector(tmp_path: Path) -> None:
    check_output(HANDLER_THAT_COLLECTS, "no hang\n", tmp_path)


class TestRecordsThatUsePools:
    """A reset that borrows from another pool would be refused under the lock."""

    @staticmethod
    def make(level: DebugLevel) -> tuple[Any, ArrayPool]:
        other = ArrayPool("other", shape=(4,), capacity=1)

        class Record:
            resets = 0

            def reset(self) -> None:
                assert other.stats().idle == 1
                with other.acquire(timeout_s=0.0) as lease:
                    lease.array[:] = 0
                type(self).resets += 1

        return RecordPool("r", Record, capacity=1, debug=level), other

    @pytest.mark.parametrize("level", [DebugLevel.OFF, DebugLevel.SAMPLE])
    def test_returned_kept_and_dropped(self, level: DebugLevel) -> None:
        pool, other = self.make(level)
        lease = pool.acquire()
        lease.release()
        lease = pool.acquire()
        kept = lease.record
        lease.release()
        assert (pool.stats().quarantined, type(kept).resets) == (1, 2)
        record_class = type(kept)
        del kept
        pool.stats()
        assert (pool.stats().idle, record_class.resets) == (1, 3)
        lease = pool.acquire()
        del lease
        pool.stats()
        assert (pool.stats().idle, record_class.resets) == (1, 4)
        assert pool.stats().discards == 0
        assert other.stats().idle == 1


class Source:
    """A loader that looks at a pool when it is asked for the text of a program."""

    def __init__(self, pool: BytesIOPool) -> None:
        self.pool = pool
        self.seen: list[int] = []

    def get_source(self, name: str) -> str:
        self.seen.append(self.pool.stats().idle)
        return "lease = pool.acquire()\n"


@pytest.mark.parametrize("how", ["dropped", "held", "quarantined"])
def test_sources_are_not_read_under_the_lock(how: str, caplog: pytest.LogCaptureFixture) -> None:
    pool = ArrayPool("p", shape=(4,), capacity=1, debug=DebugLevel.POISON)
    source = Source(BytesIOPool("other", initial_bytes=8, capacity=1))
    name = f"a_program_that_is_no_file_{how}.py"
    scope: dict[str, Any] = {"pool": pool, "__name__": "program", "__loader__": source}
    linecache.lazycache(name, scope)
    exec(compile("lease = pool.acquire()", name, "exec"), scope)  # noqa: S102 - our own text
    lease = scope.pop("lease")
    kept = lease.array if how == "quarantined" else None
    with caplog.at_level(logging.WARNING, "framesrv.pool"):
        if how == "held":
            pool.watch(-1.0)
            lease.release()
        elif how == "dropped":
            del lease
            pool.stats()
        else:
            lease.release()
            pool.quarantined = dict.fromkeys(pool.quarantined, -1e9)
            pool.watch(60.0)
    assert source.seen == [1]
    assert "lease = pool.acquire()" in caplog.text
    del kept
