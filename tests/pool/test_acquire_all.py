"""A job's buffers in one step: all of them or none, in the order of the queue."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framesrv.errors import Reason
from framesrv.pool import JobTooLarge, LeaseSet, PoolClosed, PoolExhausted, PoolManager
from framesrv.pool.memory import PAGE_BYTES
from framesrv.pool.room import ROOM
from framesrv.testing.clocks import FakeClock, run_virtually
from framesrv.testing.contract import check_identities
from tests.pool.managers import IMAGE, MIB, WORST_BYTES, make_named


async def both(manager: PoolManager) -> LeaseSet:
    return await manager.acquire_all_async(["image", "jpeg"], timeout_s=10.0)


async def one(manager: PoolManager) -> Any:
    return (await manager.acquire_all_async(["image"], timeout_s=10.0))["image"]


class TestAllAtOnce:
    def test_a_mapping_gives_each_place_its_buffer(self) -> None:
        manager = make_named()
        job: Any = {"src": (20, 20, 3), "dst": "image", "out": "jpeg"}
        with manager.acquire_all(job) as leases:
            assert list(leases) == ["src", "dst", "out"]
            assert leases["src"].array.shape == (20, 20, 3)
            assert leases["dst"].array.shape == IMAGE
            assert leases["out"].buffer.write(b"x") == 1
        assert all(stats.leased == 0 for stats in manager.stats().values())

    def test_a_list_names_pools(self) -> None:
        with make_named().acquire_all(["jpeg", "image"]) as leases:
            assert [lease.pool_name for _, lease in leases.items()] == ["jpeg", "image"]
            assert leases["jpeg"].pool_name == "jpeg"

    def test_two_places_may_ask_for_the_same(self) -> None:
        manager = make_named()
        with manager.acquire_all({"one": (9, 9), "two": (9, 9)}) as leases:
            assert leases["one"].array.ctypes.data != leases["two"].array.ctypes.data
        assert manager.stats()["ladder"].idle == 2

    @pytest.mark.parametrize("job", [[], {}, (), "image", ["image", "jpeg", "image"]])
    def test_what_is_no_job(self, job: Any) -> None:
        with pytest.raises(ValueError, match="a job is a mapping of places"):
            make_named().acquire_all(job)

    def test_a_job_that_can_never_have_its_buffers(self) -> None:
        manager = make_named()
        with pytest.raises(JobTooLarge) as caught:
            manager.acquire_all({"one": "image", "two": IMAGE})
        text = "the job needs 2 buffers of pool 'image' at once, which has 1: raise its capacity"
        assert str(caught.value) == text
        assert caught.value.reason is Reason.IMAGE_TOO_LARGE
        assert manager.stats()["image"].timeouts == 0, "refused at once, not after a wait"

    def test_images_that_are_too_much_together(self) -> None:
        manager = make_named(WORST_BYTES + 3 * PAGE_BYTES)
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
            make_named().acquire((2 * MIB,))

    def test_when_one_is_missing_all_go_back(self) -> None:
        manager = make_named()
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
            manager = make_named(clock=clock)
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
            manager = make_named(clock=clock)
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
            manager = make_named(clock=clock)
            async with manager.acquire_all_async({"src": (4, 4), "dst": "image"}) as leases:
                assert manager.stats()["image"].leased == 1
            assert leases.released
            leases = await manager.acquire_all_async(["jpeg"])
            leases.release()
            with pytest.raises(ValueError, match="a job is"):
                await manager.acquire_all_async([])

        run_virtually(main)

    def test_one_closed_pool_refuses_the_whole_job(self) -> None:
        manager = make_named()
        manager.pool("jpeg").close()
        with pytest.raises(PoolClosed, match="pool 'jpeg' is closed"):
            manager.acquire_all(["image", "jpeg"])
        assert manager.stats()["image"].leased == 0


class TestWithoutWaiting:
    def test_it_takes_no_lock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        manager = make_named()
        monkeypatch.setattr(ROOM, "run", None)
        leases = manager.acquire_all(["image", "jpeg"])
        leases.release()
        monkeypatch.undo()
        assert [manager.stats()[name].gets for name in ("image", "jpeg")] == [1, 1]

    def test_what_one_pool_cannot_lend_is_taken_from_none(self) -> None:
        manager = make_named()
        with manager.acquire("jpeg"):
            with pytest.raises(PoolExhausted):
                manager.acquire_all(["image", "jpeg"], timeout_s=0.0)
            assert manager.stats()["image"].idle == 1
        check_identities(manager.stats()["image"])

    def test_what_goes_wrong_half_way_keeps_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        manager = make_named()

        def broken(*_: Any) -> None:
            raise MemoryError

        monkeypatch.setattr(manager.pool("jpeg"), "_lend", broken)
        with pytest.raises(MemoryError):
            manager.acquire_all(["image", "jpeg"])
        monkeypatch.undo()
        for name in ("image", "jpeg"):
            assert manager.stats()[name].idle == 1
            check_identities(manager.stats()[name])
