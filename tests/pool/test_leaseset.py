"""All the buffers of one job."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    DebugLevel,
    DoubleRelease,
    LeaseSet,
    PoolManager,
    RetainedView,
)

JOB: Any = {"src": (8, 8, 3), "dst": "image", "out": "jpeg"}


def make(level: DebugLevel = DebugLevel.POISON) -> PoolManager:
    manager = PoolManager(1 << 20, debug=level)
    manager.register(ArrayPool("image", shape=(4, 4), capacity=1, debug=level))
    manager.register(BytesIOPool("jpeg", initial_bytes=64, max_bytes=64, capacity=1, debug=level))
    return manager


def leased(manager: PoolManager) -> int:
    return sum(stats.leased for stats in manager.stats().values())


def fail(keeper: list[Any], leases: LeaseSet) -> NoReturn:
    keeper.append(leases["dst"].array[0])
    raise ZeroDivisionError


class TestAccess:
    def test_by_place(self) -> None:
        with make().acquire_all(JOB) as leases:
            assert len(leases) == 3
            assert list(leases) == ["src", "dst", "out"]
            assert [place for place, _ in leases.items()] == ["src", "dst", "out"]
            assert leases["dst"].array.shape == (4, 4)

    def test_a_place_that_is_not_there(self) -> None:
        with make().acquire_all(JOB) as leases:
            with pytest.raises(
                KeyError, match="no place 'dest' in this set; it has 'src', 'dst', 'out'"
            ):
                leases["dest"]
            assert not leases.released


class TestRelease:
    def test_all_at_once(self) -> None:
        manager = make()
        leases = manager.acquire_all(JOB)
        assert leased(manager) == 3
        leases.release()
        assert (leases.released, leased(manager)) == (True, 0)

    def test_a_second_time_is_refused(self) -> None:
        leases = make().acquire_all(JOB)
        leases.release()
        with pytest.raises(DoubleRelease, match="a set of leases was released a second time"):
            leases.release()

    def test_leaving_with_after_it_does_nothing(self) -> None:
        manager = make()
        with manager.acquire_all(JOB) as leases:
            leases.release()
        assert all(stats.misuse == 0 for stats in manager.stats().values())

    def test_what_was_given_back_before_stays_so(self) -> None:
        manager = make()
        with manager.acquire_all(JOB) as leases:
            leases["src"].release()
            assert leased(manager) == 2
        assert leased(manager) == 0
        assert all(stats.misuse == 0 for stats in manager.stats().values())

    def test_the_last_borrowed_goes_first(self) -> None:
        order: list[str] = []

        class Noting:
            released = False

            def __init__(self, name: str) -> None:
                self.name = name

            def release(self) -> None:
                order.append(self.name)

        LeaseSet({name: Noting(name) for name in ("a", "b", "c")}).release()
        assert order == ["c", "b", "a"]


class TestComplaints:
    def test_all_come_home_and_the_first_complaint_is_raised(self) -> None:
        manager = make()
        leases = manager.acquire_all(JOB)
        parts = [leases["src"].array[0], leases["dst"].array[0]]
        with pytest.raises(RetainedView, match="pool 'image'"):
            leases.release()
        stats = manager.stats()
        assert (leased(manager), stats["image"].quarantined, stats["ladder"].quarantined) == (
            0,
            1,
            1,
        )
        assert stats["ladder"].misuse_by_kind["retained_view"] == 1
        parts.clear()
        with manager.acquire_all(JOB, timeout_s=0.0):
            assert leased(manager) == 3

    def test_with_raises_it_at_its_end(self) -> None:
        manager = make()
        with pytest.raises(RetainedView), manager.acquire_all(JOB) as leases:
            part = leases["dst"].array[0]
        del part
        assert manager.stats()["image"].idle == 1

    def test_an_error_inside_with_is_not_hidden(self) -> None:
        manager = make()
        keeper: list[Any] = []
        with pytest.raises(ZeroDivisionError), manager.acquire_all(JOB) as leases:
            fail(keeper, leases)
        assert manager.stats()["image"].misuse_by_kind["retained_view"] == 1
        assert leased(manager) == 0

    def test_a_fault_that_is_none_of_ours_does_not_stop_the_others(self) -> None:
        """A record whose own reset raises, for instance."""

        class Faulty:
            released = False

            def release(self) -> None:
                raise RuntimeError("not a PoolError")

        manager = make()
        lease = manager.acquire("image")
        with pytest.raises(RuntimeError, match="not a PoolError"):
            LeaseSet({"first": lease, "second": Faulty()}).release()
        assert lease.released
