"""Damage done to a returned buffer, as C code does it, and what the next borrower is told."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import ArrayPool, DebugLevel, WriteAfterRelease
from tests.pool.helpers import whole


def borrow_here(pool: Any, *request: Any) -> Any:
    return pool.acquire(*request)


def give_back_here(lease: Any) -> None:
    lease.release()


def poke(address: int, value: int = 0) -> None:
    ctypes.memset(address, value, 1)


def array_address(lease: Any) -> int:
    return int(lease.array.ctypes.data)


def write_late(
    pool: Any, *offsets: int, address_in: Callable[[Any], int] = array_address, request: Any = ()
) -> None:
    """As C code does that keeps a pointer."""
    lease = borrow_here(pool, *request)
    address = address_in(lease)
    give_back_here(lease)
    for offset in offsets:
        poke(address + offset)


def found(pool: Any) -> str:
    """What the next borrower is told. After that the pool must be whole and lend again."""
    with pytest.raises(WriteAfterRelease) as caught:
        pool.acquire(timeout_s=0.0)
    stats = whole(pool)
    assert (stats.idle, stats.leased, stats.misuse_by_kind["write_after_release"]) == (1, 0, 1)
    for _ in range(2):
        with pool.acquire(timeout_s=0.0):
            assert pool.stats().leased == 1
    stats = whole(pool)
    assert (stats.idle, stats.misuse_by_kind["write_after_release"]) == (1, 1)
    return str(caught.value)


def check_stacks(
    text: str,
    borrowed_in: str = "borrow_here",
    back_in: str = "give_back_here",
    *,
    file: str = __file__,
) -> None:
    borrowed, returned = text.split("\nBorrowed at:\n")[1].split("\nReturned at:\n")
    assert f'File "{file}", line ' in borrowed
    assert f"in {borrowed_in}\n" in borrowed
    assert f"in {back_in}\n" in returned
    assert "framesrv/pool/" not in text, "the stacks are the borrower's, not the pool's"


def check_told(pool: Any, count: int, first: str, last: str | None = None) -> str:
    """So many bytes, with their places, and both stacks."""
    text = found(pool)
    assert "pool 'subject': a returned buffer was written to" in text
    assert f"{count} byte(s) differ, first at {first}, last at {last or first}." in text
    check_stacks(text)
    return text


def arrays(shape: tuple[int, ...] = (4, 5, 3), dtype: Any = "uint8", **options: Any) -> ArrayPool:
    return ArrayPool(
        "subject", shape=shape, dtype=dtype, capacity=1, debug=DebugLevel.POISON, **options
    )


class Numbered:
    """A record of two fields, in slots."""

    __slots__ = ("number", "text")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.number = 0
        self.text = ""
