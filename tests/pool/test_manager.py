"""All pools under one budget: which serves what, how they are registered, kept up and shut down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framesrv.errors import BadConfig, Reason
from framesrv.pool import ArrayPool, ManagerState, PoolClosed, PoolManager
from framesrv.pool.memory import PAGE_BYTES
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities
from tests.pool.managers import IMAGE, MIB, WORST_BYTES, make_named


class TestWhoServesWhat:
    @pytest.mark.parametrize(
        ("request_", "pool"),
        [
            ("image", "image"),
            (IMAGE, "image"),
            ("jpeg", "jpeg"),
            ((32, 32), "ladder"),
            ((3, 32, 32), "ladder"),
            ((4 * PAGE_BYTES,), "ladder"),
            ((4 * PAGE_BYTES + 1,), "oversize"),
        ],
    )
    def test_the_exact_shape_before_the_ladder_before_oversize(
        self, request_: Any, pool: str
    ) -> None:
        manager = make_named()
        with manager.acquire(request_) as lease:
            assert lease.pool_name == pool
            if isinstance(request_, tuple):
                assert (lease.array.shape, lease.array.dtype) == (request_, np.uint8)
                lease.array[...] = 3
        for stats in manager.stats().values():
            check_identities(stats)

    def test_an_array_of_another_type_is_not_taken_for_a_shape(self) -> None:
        manager = make_named()
        manager.register(ArrayPool("floats", shape=(8, 8), dtype="float32", capacity=1))
        with manager.acquire((8, 8)) as lease:
            assert lease.pool_name == "ladder"
        with manager.acquire("floats") as lease:
            assert lease.array.dtype == np.float32

    def test_of_two_pools_of_a_shape_the_first_serves_it(self) -> None:
        manager = make_named()
        manager.register(ArrayPool("second", shape=IMAGE, capacity=1))
        with manager.acquire(IMAGE) as lease:
            assert lease.pool_name == "image"

    def test_a_shape_may_be_a_list(self) -> None:
        with make_named().acquire([32, 32, 3]) as lease:  # type: ignore[arg-type]
            assert lease.pool_name == "image"

    def test_a_name_that_is_not_there(self) -> None:
        with pytest.raises(KeyError, match="no pool named 'imge'; registered are: 'image', 'jpeg'"):
            make_named().acquire("imge")
        with pytest.raises(KeyError, match="registered are: none"):
            PoolManager(MIB).pool("image")

    @pytest.mark.parametrize("shape", [(), (0,), (3, -1), (2.5, 2), ("3",)])
    def test_what_is_no_shape(self, shape: Any) -> None:
        with pytest.raises(ValueError, match="a shape is a tuple of whole numbers"):
            make_named().acquire(shape)

    def test_the_pools_are_there_to_be_seen(self) -> None:
        manager = make_named()
        assert [pool.name for pool in manager.pools] == ["image", "jpeg", "ladder", "oversize"]
        assert manager.pool("jpeg") is manager.pools[1]
        assert list(manager.stats()) == ["image", "jpeg", "ladder", "oversize"]

    def test_one_who_waits_for_a_single_buffer_gets_it(self) -> None:
        clock = FakeClock()
        manager = make_named(clock=clock)
        held = manager.acquire("image")
        clock.after(0.02, held.release)
        with manager.acquire(IMAGE, timeout_s=1.0) as lease:
            assert lease.pool_name == "image"


class TestRegister:
    def test_the_same_name_twice(self) -> None:
        with pytest.raises(BadConfig, match="there is a pool named 'image' already"):
            make_named().register(ArrayPool("image", shape=(1,), capacity=1))

    @pytest.mark.parametrize("name", ["ladder", "oversize"])
    def test_a_name_that_the_manager_uses(self, name: str) -> None:
        with pytest.raises(BadConfig, match=f"there is a pool named {name!r} already"):
            make_named().register(ArrayPool(name, shape=(1,), capacity=1))

    def test_a_sum_that_does_not_fit(self) -> None:
        manager = make_named(WORST_BYTES + PAGE_BYTES)
        with pytest.raises(BadConfig) as caught:
            manager.register(ArrayPool("more", shape=(PAGE_BYTES + 1,), capacity=1))
        text = str(caught.value)
        needed = WORST_BYTES + 2 * PAGE_BYTES
        assert f"the pools need {needed:,} bytes" in text
        assert f"(image {PAGE_BYTES:,}, jpeg 1,152, more {2 * PAGE_BYTES:,})" in text
        assert f"the budget is {WORST_BYTES + PAGE_BYTES:,}" in text
        assert f"set FRAMESRV_POOL_BUDGET_BYTES to {needed} or more" in text
        assert caught.value.reason is Reason.BAD_CONFIG
        assert "more" not in manager.stats()
        manager.register(ArrayPool("less", shape=(PAGE_BYTES,), capacity=1))
        assert manager.budget.elastic_bytes == 0

    def test_what_is_lent_now_counts(self) -> None:
        manager = make_named(WORST_BYTES + PAGE_BYTES)
        lease = manager.acquire((10, 10))
        with pytest.raises(BadConfig, match=rf"\({PAGE_BYTES:,} of it lent to other sizes now\)"):
            manager.register(ArrayPool("more", shape=(10,), capacity=1))
        lease.release()

    def test_a_pool_belongs_to_one_manager(self) -> None:
        pool = ArrayPool("mine", shape=(1,), capacity=1)
        make_named().register(pool)
        with pytest.raises(BadConfig, match="pool 'mine' belongs to a manager already"):
            make_named().register(pool)

    def test_not_when_the_manager_drains(self) -> None:
        manager = make_named()
        manager.drain()
        with pytest.raises(PoolClosed, match="the manager is draining: no pool can be registered"):
            manager.register(ArrayPool("late", shape=(1,), capacity=1))


class TestUpkeep:
    def test_trim_gives_back_what_is_above_the_floors(self) -> None:
        clock = FakeClock()
        manager = make_named(clock=clock)
        manager.register(ArrayPool("many", shape=(8,), capacity=3, warm=1, clock=clock))
        pool = manager.pool("many")
        for lease in [pool.acquire() for _ in range(3)]:
            lease.release()
        manager.acquire((5, 5)).release()
        manager.acquire((5 * PAGE_BYTES,)).release()
        assert manager.trim(30.0) == 0
        clock.advance(31.0)
        assert manager.trim(30.0) == 3
        assert {name: stats.existing for name, stats in manager.stats().items()} == {
            "image": 1,
            "jpeg": 1,
            "many": 1,
            "ladder": 0,
            "oversize": 0,
        }
        assert manager.budget.reserved_bytes == 0

    def test_watch_looks_at_every_pool(self) -> None:
        clock = FakeClock()
        manager = make_named(clock=clock)
        leases = manager.acquire_all({"a": "image", "b": "jpeg", "c": (3, 3), "d": (5, PAGE_BYTES)})
        clock.advance(61.0)
        manager.watch(60.0)
        stats = manager.stats()
        assert all(each.leaks_by_kind == {"held": 1} for each in stats.values())
        leases.release()

    def test_the_worst_case_is_told_pool_by_pool(self) -> None:
        manager = make_named(MIB)
        assert manager.worst_case() == "\n".join(
            [
                "image                      4,096 bytes",
                "jpeg                       1,152 bytes",
                "other sizes            1,043,328 bytes at most",
                "together               1,048,576 bytes at most",
            ]
        )

    def test_the_budget_is_half_of_the_memory_or_half_a_gigabyte_unless_said(self) -> None:
        assert 0 < PoolManager().budget.total_bytes <= 512 * MIB

    @pytest.mark.parametrize("budget_bytes", [0, -1, 2.5, "1"])
    def test_a_budget_that_cannot_be(self, budget_bytes: Any) -> None:
        with pytest.raises(BadConfig, match="budget_bytes must be a whole number"):
            PoolManager(budget_bytes)


class TestStates:
    def test_running_draining_stopped(self) -> None:
        manager = make_named()
        assert str(manager.state) == "running"
        lease = manager.acquire("image")
        manager.drain()
        assert str(manager.state) == "draining"
        requests: list[Any] = ["image", "jpeg", (5, 5), (9 * PAGE_BYTES,)]
        for request in requests:
            with pytest.raises(PoolClosed) as caught:
                manager.acquire(request)
            assert caught.value.reason is Reason.DRAINING
        with pytest.raises(PoolClosed):
            manager.acquire_all(["jpeg"])
        lease.array[...] = 1
        lease.release()
        assert manager.shutdown() == []
        assert str(manager.state) == "stopped"
        assert all(stats.existing == 0 for stats in manager.stats().values())

    def test_draining_refuses_those_who_wait(self) -> None:
        clock = FakeClock()
        manager = make_named(clock=clock)
        lease = manager.acquire("image")
        clock.after(0.01, manager.drain)
        with pytest.raises(PoolClosed, match="pool 'image' was closed while you waited"):
            manager.acquire("image", timeout_s=1.0)
        lease.release()

    def test_draining_refuses_one_who_waits_in_several_lines(self) -> None:
        clock = FakeClock()
        manager = make_named(clock=clock)
        leases = manager.acquire_all(["image", "jpeg"])
        clock.after(0.01, manager.drain)
        with pytest.raises(PoolClosed, match="was closed while you waited"):
            manager.acquire_all(["image", "jpeg"], timeout_s=1.0)
        leases.release()
        assert manager.shutdown() == []

    def test_all_of_it_may_be_called_again(self) -> None:
        manager = make_named()
        for _ in range(2):
            manager.drain()
            assert manager.shutdown() == []
        manager.drain()
        assert manager.state is ManagerState.STOPPED

    def test_with_shuts_down_at_its_end(self) -> None:
        with make_named() as manager:
            manager.acquire("image").release()
        assert manager.state is ManagerState.STOPPED
