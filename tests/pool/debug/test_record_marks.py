"""Records of all sorts at poison: no false alarm, and what was changed is found."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from framesrv.pool import DebugLevel, RecordPool, WriteAfterRelease


class WithArray:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.values = np.zeros(3)


class WithKeptArray:
    def __init__(self) -> None:
        self.values = np.zeros(3)

    def reset(self) -> None:
        self.values[:] = 0


class WithNaN:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.mean = float("nan")


class WithLock:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.number = 0

    def reset(self) -> None:
        self.number = 0


class WithDict:
    def __init__(self) -> None:
        self.tags: dict[str, int] = {}
        self.names: list[str] = []

    def reset(self) -> None:
        self.tags.clear()
        self.names.clear()


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise TypeError("not to be compared")

    __hash__ = None  # type: ignore[assignment]


class WithIncomparable:
    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.thing = Incomparable()


SORTS = [WithArray, WithKeptArray, WithNaN, WithLock, WithDict, WithIncomparable]


@pytest.mark.parametrize("sort", SORTS)
def test_no_false_alarm(sort: Callable[[], Any]) -> None:
    pool: RecordPool[Any] = RecordPool("r", sort, capacity=2, debug=DebugLevel.POISON)
    for _ in range(3):
        leases = [pool.acquire(timeout_s=0.0) for _ in range(2)]
        for lease in leases:
            lease.release()
    assert pool.stats().misuse == 0


def set_number(record: Any) -> None:
    record.number = 7


def replace_lock(record: Any) -> None:
    record.lock = None


def add_tag(record: Any) -> None:
    record.tags["late"] = 1


def add_name(record: Any) -> None:
    record.names.append("late")


@pytest.mark.parametrize(
    ("sort", "write", "field"),
    [
        (WithLock, set_number, "number"),
        (WithLock, replace_lock, "lock"),
        (WithDict, add_tag, "tags"),
        (WithDict, add_name, "names"),
    ],
)
def test_what_is_written_afterwards_is_found(
    sort: Callable[[], Any], write: Callable[[Any], None], field: str
) -> None:
    pool: RecordPool[Any] = RecordPool("r", sort, capacity=1, debug=DebugLevel.POISON)
    lease = pool.acquire()
    record = lease.record
    lease.release()
    write(record)
    del record
    with pytest.raises(WriteAfterRelease, match=f"fields changed: {field}\\."):
        pool.acquire(timeout_s=0.0)
    pool.acquire(timeout_s=0.0).release()
    assert pool.stats().misuse_by_kind["write_after_release"] == 1


def test_what_cannot_be_compared_is_not_accused() -> None:
    pool = RecordPool("p", WithKeptArray, capacity=1, debug=DebugLevel.POISON)
    pool._idle[0].item.values = np.ones(3)
    with pool.acquire() as lease:
        assert lease.record.values.shape == (3,)
