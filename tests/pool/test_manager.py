"""All pools under one budget: what is lent to whom, what is refused, and the end of it all."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from framesrv.errors import BadConfig, Reason
from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    JobTooLarge,
    LeaseSet,
    ManagerState,
    PoolClosed,
    PoolExhausted,
    PoolManager,
    SizeClasses,
)
from framesrv.pool.memory import PAGE_BYTES
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import check_identities

MIB = 1 << 20
CLASSES = SizeClasses(smallest_bytes=PAGE_BYTES, largest_bytes=4 * PAGE_BYTES, per_doubling=1)
IMAGE = (32, 32, 3)  # a named pool's shape
WORST_BYTES = PAGE_BYTES + 1152  # of the two pools below


def make(budget_bytes: int = MIB, **options: Any) -> PoolManager:
    clock = options.setdefault("clock", FakeClock())
    manager = PoolManager(budget_bytes, classes=CLASSES, **options)
    manager.register(ArrayPool("image", shape=IMAGE, capacity=1, clock=clock))
    manager.register(BytesIOPool("jpeg", initial_bytes=64, max_bytes=1024, capacity=1, clock=clock))
    return manager


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
        manager = make()
        with manager.acquire(request_) as lease:
            assert lease.pool_name == pool
            if isinstance(request_, tuple):
                assert (lease.array.shape, lease.array.dtype) == (request_, np.uint8)
                lease.array[...] = 3
        for stats in manager.stats().values():
            check_identities(stats)

    def test_an_array_of_another_type_is_not_taken_for_a_shape(self) -> None:
        manager = make()
        manager.register(ArrayPool("floats", shape=(8, 8), dtype="float32", capacity=1))
        with manager.acquire((8, 8)) as lease:
            assert lease.pool_name == "ladder"
        with manager.acquire("floats") as lease:
            assert lease.array.dtype == np.float32

    def test_of_two_pools_of_a_shape_the_first_serves_it(self) -> None:
        manager = make()
        manager.register(ArrayPool("second", shape=IMAGE, capacity=1))
        with manager.acquire(IMAGE) as lease:
            assert lease.pool_name == "image"

    def test_a_shape_may_be_a_list(self) -> None:
        with make().acquire([32, 32, 3]) as lease:  # type: ignore[arg-type]
            assert lease.pool_name == "image"

    def test_a_name_that_is_not_there(self) -> None:
        with pytest.raises(KeyError, match="no pool named 'imge'; registered are: 'image', 'jpeg'"):
            make().acquire("imge")
        with pytest.raises(KeyError, match="registered are: none"):
            PoolManager(MIB).pool("image")

    @pytest.mark.parametrize("shape", [(), (0,), (3, -1), (2.5, 2), ("3",)])
    def test_what_is_no_shape(self, shape: Any) -> None:
        with pytest.raises(ValueError, match="a shape is a tuple of whole numbers"):
            make().acquire(shape)

    def test_the_pools_are_there_to_be_seen(self) -> None:
        manager = make()
        assert [pool.name for pool in manager.pools] == ["image", "jpeg", "ladder", "oversize"]
        assert manager.pool("jpeg") is manager.pools[1]
        assert list(manager.stats()) == ["image", "jpeg", "ladder", "oversize"]

    def test_one_who_waits_for_a_single_buffer_gets_it(self) -> None:
        clock = FakeClock()
        manager = make(clock=clock)
        held = manager.acquire("image")
        clock.after(0.02, held.release)
        with manager.acquire(IMAGE, timeout_s=1.0) as lease:
            assert lease.pool_name == "image"


class TestRegister:
    def test_the_same_name_twice(self) -> None:
        with pytest.raises(BadConfig, match="there is a pool named 'image' already"):
            make().register(ArrayPool("image", shape=(1,), capacity=1))

    @pytest.mark.parametrize("name", ["ladder", "oversize"])
    def test_a_name_that_the_manager_uses(self, name: str) -> None:
        with pytest.raises(BadConfig, match=f"there is a pool named {name!r} already"):
            make().register(ArrayPool(name, shape=(1,), capacity=1))

    def test_a_sum_that_does_not_fit(self) -> None:
        manager = make(WORST_BYTES + PAGE_BYTES)
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
        manager = make(WORST_BYTES + PAGE_BYTES)
        lease = manager.acquire((10, 10))
        with pytest.raises(BadConfig, match=rf"\({PAGE_BYTES:,} of it lent to other sizes now\)"):
            manager.register(ArrayPool("more", shape=(10,), capacity=1))
        lease.release()

    def test_a_pool_belongs_to_one_manager(self) -> None:
        pool = ArrayPool("mine", shape=(1,), capacity=1)
        make().register(pool)
        with pytest.raises(BadConfig, match="pool 'mine' belongs to a manager already"):
            make().register(pool)

    def test_not_when_the_manager_drains(self) -> None:
        manager = make()
        manager.drain()
        with pytest.raises(PoolClosed, match="the manager is draining: no pool can be registered"):
            manager.register(ArrayPool("late", shape=(1,), capacity=1))


class TestAllAtOnce:
    def test_a_mapping_gives_each_place_its_buffer(self) -> None:
        manager = make()
        job: Any = {"src": (20, 20, 3), "dst": "image", "out": "jpeg"}
        with manager.acquire_all(job) as leases:
            assert list(leases) == ["src", "dst", "out"]
            assert leases["src"].array.shape == (20, 20, 3)
            assert leases["dst"].array.shape == IMAGE
            assert leases["out"].buffer.write(b"x") == 1
        assert all(stats.leased == 0 for stats in manager.stats().values())

    def test_a_list_names_pools(self) -> None:
        with make().acquire_all(["jpeg", "image"]) as leases:
            assert [lease.pool_name for _, lease in leases.items()] == ["jpeg", "image"]
            assert leases["jpeg"].pool_name == "jpeg"

    def test_two_places_may_ask_for_the_same(self) -> None:
        manager = make()
        with manager.acquire_all({"one": (9, 9), "two": (9, 9)}) as leases:
            assert leases["one"].array.ctypes.data != leases["two"].array.ctypes.data
        assert manager.stats()["ladder"].idle == 2

    @pytest.mark.parametrize("job", [[], {}, (), "image", ["image", "jpeg", "image"]])
    def test_what_is_no_job(self, job: Any) -> None:
        with pytest.raises(ValueError, match="a job is a mapping of places"):
            make().acquire_all(job)

    def test_a_job_that_can_never_have_its_buffers(self) -> None:
        manager = make()
        with pytest.raises(JobTooLarge) as caught:
            manager.acquire_all({"one": "image", "two": IMAGE})
        text = "the job needs 2 buffers of pool 'image' at once, which has 1: raise its capacity"
        assert str(caught.value) == text
        assert caught.value.reason is Reason.IMAGE_TOO_LARGE
        assert manager.stats()["image"].timeouts == 0, "refused at once, not after a wait"

    def test_images_that_are_too_much_together(self) -> None:
        manager = make(WORST_BYTES + 3 * PAGE_BYTES)
        job: Any = {"one": (PAGE_BYTES + 1,), "two": (2 * PAGE_BYTES,), "out": "jpeg"}
        with pytest.raises(JobTooLarge) as caught:
            manager.acquire_all(job)
        text = str(caught.value)
        assert f"the job needs {4 * PAGE_BYTES:,} bytes for its images" in text
        assert f"the byte budget has {3 * PAGE_BYTES:,} for all" in text
        assert "send smaller images or raise FRAMESRV_POOL_BUDGET_BYTES" in text
        assert isinstance(caught.value, JobTooLarge)

    def test_one_image_that_is_too_much_alone(self) -> None:
        with pytest.raises(JobTooLarge, match="the job needs"):
            make().acquire((2 * MIB,))

    def test_when_one_is_missing_all_go_back(self) -> None:
        manager = make()
        with manager.acquire("jpeg"):
            with pytest.raises(PoolExhausted, match="no buffer of pool 'jpeg' came free"):
                manager.acquire_all({"src": (5, 5), "dst": "image", "out": "jpeg"})
            stats = manager.stats()
            assert {name: each.leased for name, each in stats.items()} == {
                "image": 0,
                "jpeg": 1,
                "ladder": 0,
                "oversize": 0,
            }
            assert stats["jpeg"].timeouts == 1
            assert manager.budget.reserved_bytes == 0, "no bytes stay promised"
            manager.acquire("image", timeout_s=0.0).release()

    def test_what_comes_free_for_the_first_is_set_aside_for_him(self) -> None:
        async def main(clock: FakeClock) -> None:
            manager = make(clock=clock)
            image, jpeg = manager.acquire("image"), manager.acquire("jpeg")
            first = asyncio.create_task(both(manager))
            await asyncio.sleep(0)
            image.release()
            stats = manager.stats()["image"]
            assert (stats.idle, stats.leased, stats.waiting) == (1, 0, 0)
            assert manager.pool("image").try_acquire() is None
            jpeg.release()
            (await first).release()
            manager.acquire("image", timeout_s=0.0).release()

        run_virtually(main)

    def test_a_set_that_gives_up_passes_on_what_was_set_aside(self) -> None:
        async def main(clock: FakeClock) -> None:
            manager = make(clock=clock)
            image, jpeg = manager.acquire("image"), manager.acquire("jpeg")
            first = asyncio.create_task(both(manager))
            await asyncio.sleep(0)
            second = asyncio.create_task(one(manager))
            await asyncio.sleep(0)
            image.release()
            first.cancel()
            lease = await second
            assert lease.pool_name == "image"
            lease.release()
            jpeg.release()
            assert first.cancelled()

        run_virtually(main)

    def test_asynchronously_entered_or_awaited(self) -> None:
        async def main(clock: FakeClock) -> None:
            manager = make(clock=clock)
            async with manager.acquire_all_async({"src": (4, 4), "dst": "image"}) as leases:
                assert manager.stats()["image"].leased == 1
            assert leases.released
            leases = await manager.acquire_all_async(["jpeg"])
            leases.release()
            with pytest.raises(ValueError, match="a job is"):
                await manager.acquire_all_async([])

        run_virtually(main)

    def test_one_closed_pool_refuses_the_whole_job(self) -> None:
        manager = make()
        manager.pool("jpeg").close()
        with pytest.raises(PoolClosed, match="pool 'jpeg' is closed"):
            manager.acquire_all(["image", "jpeg"])
        assert manager.stats()["image"].leased == 0


async def both(manager: PoolManager) -> LeaseSet:
    return await manager.acquire_all_async(["image", "jpeg"], timeout_s=10.0)


async def one(manager: PoolManager) -> Any:
    return (await manager.acquire_all_async(["image"], timeout_s=10.0))["image"]


class TestUpkeep:
    def test_trim_gives_back_what_is_above_the_floors(self) -> None:
        clock = FakeClock()
        manager = make(clock=clock)
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
        manager = make(clock=clock)
        leases = manager.acquire_all({"a": "image", "b": "jpeg", "c": (3, 3), "d": (5, PAGE_BYTES)})
        clock.advance(61.0)
        manager.watch(60.0)
        stats = manager.stats()
        assert all(each.leaks_by_kind == {"held": 1} for each in stats.values())
        leases.release()

    def test_the_worst_case_is_told_pool_by_pool(self) -> None:
        manager = make(MIB)
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
        manager = make()
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
        manager = make(clock=clock)
        lease = manager.acquire("image")
        clock.after(0.01, manager.drain)
        with pytest.raises(PoolClosed, match="pool 'image' was closed while you waited"):
            manager.acquire("image", timeout_s=1.0)
        lease.release()

    def test_draining_refuses_one_who_waits_in_several_lines(self) -> None:
        clock = FakeClock()
        manager = make(clock=clock)
        leases = manager.acquire_all(["image", "jpeg"])
        clock.after(0.01, manager.drain)
        with pytest.raises(PoolClosed, match="was closed while you waited"):
            manager.acquire_all(["image", "jpeg"], timeout_s=1.0)
        leases.release()
        assert manager.shutdown() == []

    def test_all_of_it_may_be_called_again(self) -> None:
        manager = make()
        for _ in range(2):
            manager.drain()
            assert manager.shutdown() == []
        manager.drain()
        assert manager.state is ManagerState.STOPPED

    def test_with_shuts_down_at_its_end(self) -> None:
        with make() as manager:
            manager.acquire("image").release()
        assert manager.state is ManagerState.STOPPED
