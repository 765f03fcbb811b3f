"""Where a buffer was borrowed, in words."""

from __future__ import annotations

from typing import Any

from framesrv.pool import ArrayPool, DebugLevel
from framesrv.pool.report import borrowed_where
from framesrv.testing.clocks import FakeClock


class TestWhereItWasBorrowed:
    def scene(self, level: DebugLevel) -> tuple[Any, Any]:
        clock = FakeClock()
        pool = ArrayPool("p", shape=(1,), capacity=1, debug=level, clock=clock)
        lease = pool.acquire()
        clock.advance(0.25)
        [slot] = pool.slots
        return (clock.now() - slot.since, slot.holder, slot.borrow), lease

    def test_with_a_stack(self) -> None:
        what, lease = self.scene(DebugLevel.POISON)
        text = borrowed_where(*what)
        assert text.startswith("borrowed 0.250 s ago by thread 'MainThread' at:\n  File ")
        assert text.endswith("in scene\n    lease = pool.acquire()")
        lease.release()

    def test_without_one(self) -> None:
        what, lease = self.scene(DebugLevel.OFF)
        assert borrowed_where(*what) == (
            "borrowed 0.250 s ago by thread 'MainThread' (one lease in 128 carries its stack; "
            "FRAMESRV_POOL_DEBUG=poison: every one)"
        )
        lease.release()
