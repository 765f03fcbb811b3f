"""Rings of those who wait for bytes: the ladder and oversize draw on the same budget."""

from __future__ import annotations

from framesrv.pool import BudgetExhausted, PoolDeadlock, PoolManager
from framesrv.pool.memory import PAGE_BYTES
from tests.pool.helpers import FAILED_S
from tests.pool.managers import make_ladder
from tests.pool.stage import Stage, error_of


class TestBytes:
    """The ladder and oversize draw on the same bytes: a ring may go through both."""

    @staticmethod
    def manager(stage: Stage) -> PoolManager:
        return make_ladder(clock=stage.clock)

    def test_two_who_hold_half_and_want_the_other(self, stage: Stage) -> None:
        manager = self.manager(stage)
        shape = (4 * PAGE_BYTES,)
        held = [stage.do(who, lambda: manager.acquire(shape)) for who in ("ann", "ben")]
        ann = stage.wait_for("ann", lambda: manager.acquire(shape, timeout_s=1.0))
        ben = stage.wait_for("ben", lambda: manager.acquire(shape, timeout_s=9.0))
        stage.clock.advance(1.5)
        error = error_of(ann)
        assert type(error) is PoolDeadlock
        assert "thread 'ann_0' waits for 'ladder', held by" in str(error)
        for lease in held:
            lease.release()
        ben.result(FAILED_S).release()

    def test_none_while_a_large_image_may_come_home(self, stage: Stage) -> None:
        manager = self.manager(stage)
        small = stage.do("ann", lambda: manager.acquire((PAGE_BYTES,)))
        large = stage.do("ben", lambda: manager.acquire((5 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((4 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is BudgetExhausted, "ben does not wait"
        small.release()
        large.release()

    def test_one_whose_own_images_exceed_the_budget(self, stage: Stage) -> None:
        manager = self.manager(stage)
        large = stage.do("ann", lambda: manager.acquire((5 * PAGE_BYTES,)))
        small = stage.do("ben", lambda: manager.acquire((2 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((5 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock, "even if ben returns his"
        large.release()
        small.release()

    def test_one_who_holds_small_ones_and_wants_a_large_one(self, stage: Stage) -> None:
        manager = self.manager(stage)
        held = stage.do("ann", lambda: manager.acquire((4 * PAGE_BYTES,)))
        ann = stage.wait_for("ann", lambda: manager.acquire((5 * PAGE_BYTES,), timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock
        held.release()
