"""Who borrows whole sets, and nothing else, cannot be in a ring."""

from __future__ import annotations

import threading

from framesrv.pool import ArrayPool, LeaseSet, PoolManager
from tests.pool.helpers import FAILED_S
from tests.pool.stage import Stage


class TestSetsCannotDeadlock:
    def test_in_whatever_order_they_name_their_pools(self) -> None:
        manager = PoolManager(1 << 20)
        names = ["a", "b", "c"]
        for name in names:
            manager.register(ArrayPool(name, shape=(2,), capacity=1))
        done: list[int] = []

        def work(number: int) -> None:
            job = names[number % 3 :] + names[: number % 3]
            if number % 2:
                job.reverse()
            for _ in range(100):
                with manager.acquire_all(job, timeout_s=FAILED_S) as leases:
                    for name in names:
                        leases[name].array.fill(number)
                    assert all((leases[name].array == number).all() for name in names)
            done.append(number)

        threads = [
            threading.Thread(target=work, args=(number,), daemon=True) for number in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(FAILED_S)
        assert sorted(done) == list(range(6))
        for name in names:
            stats = manager.stats()[name]
            assert (stats.leased, stats.idle, stats.timeouts) == (0, 1, 0)
            # Each set is tried without the line once, and may have to put back what it had.
            assert 600 <= stats.gets <= 1200
            assert stats.misses == 0

    def test_two_that_cross(self, stage: Stage) -> None:
        manager = PoolManager(1 << 20, clock=stage.clock)
        for name in "ab":
            manager.register(stage.pool(name))
        with manager.acquire_all(["a", "b"]):
            ann = stage.wait_for("ann", lambda: manager.acquire_all(["a", "b"], timeout_s=9.0))
            ben = stage.wait_for("ben", lambda: manager.acquire_all(["b", "a"], timeout_s=9.0))
        first: LeaseSet = ann.result(FAILED_S)
        assert not ben.done(), "lower tickets win"
        first.release()
        ben.result(FAILED_S).release()
