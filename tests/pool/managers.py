"""Managers of budgets so small that every page of them can be counted."""

from __future__ import annotations

from typing import Any

from framesrv.pool import ArrayPool, BytesIOPool, PoolManager, SizeClasses
from framesrv.pool.memory import PAGE_BYTES
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities

MIB = 1 << 20
CLASSES = SizeClasses(smallest_bytes=PAGE_BYTES, largest_bytes=4 * PAGE_BYTES, per_doubling=1)
IMAGE = (32, 32, 3)  # the shape of the pool "image"
WORST_BYTES = PAGE_BYTES + 1152  # of "image" and "jpeg" together


def make_named(budget_bytes: int = MIB, **options: Any) -> PoolManager:
    """With two named pools of one buffer each: "image" and "jpeg"."""
    clock = options.setdefault("clock", FakeClock())
    manager = PoolManager(budget_bytes, classes=CLASSES, **options)
    manager.register(ArrayPool("image", shape=IMAGE, capacity=1, clock=clock))
    manager.register(BytesIOPool("jpeg", initial_bytes=64, max_bytes=1024, capacity=1, clock=clock))
    return manager


def make_ladder(pages: int = 8, **options: Any) -> PoolManager:
    """With no named pool: all of its pages go to images of any size."""
    options.setdefault("clock", FakeClock())
    return PoolManager(pages * PAGE_BYTES, classes=CLASSES, **options)


def pages(count: int) -> tuple[int, ...]:
    """The shape of an image of so many pages."""
    return (count, PAGE_BYTES)


def ladder_of(manager: PoolManager) -> Any:
    """The numbers of the ladder; everything must add up, and what is reserved must exist."""
    stats = manager.stats()
    for each in stats.values():
        check_identities(each)
    held = stats["ladder"].bytes_total + stats["oversize"].bytes_total
    assert manager.budget.reserved_bytes == held <= manager.budget.total_bytes
    return stats["ladder"]
