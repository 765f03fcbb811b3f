"""Who uses a buffer as he should never sees poison, and is never accused."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    DebugLevel,
    RecordPool,
    RetainedView,
)
from framesrv.pool.debug.marks import POISON
from framesrv.testing.contract import check_identities
from tests.pool.debug.damage import Numbered
from tests.pool.helpers import at_every_marked_level


class TestWhoFillsTheWholeView:
    @at_every_marked_level
    def test_never_sees_poison_in_an_array(self, level: DebugLevel) -> None:
        pool = ArrayPool("subject", shape=(4, 5, 3), capacity=2, warm=1, debug=level)
        for value in range(4):
            with pool.acquire() as one, pool.acquire() as two:
                for lease in (one, two):
                    assert (lease.array == POISON).all(), "who reads first sees poison: a bug shows"
                    lease.array[...] = value
                    assert (lease.array == value).all()

    @at_every_marked_level
    def test_never_sees_poison_in_a_bytesio(self, level: DebugLevel) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=level)
        for _ in range(3):
            with pool.acquire() as lease:
                assert lease.buffer.read() == lease.buffer.getvalue() == b""
                lease.buffer.seek(10)
                lease.buffer.write(b"x")
                assert bytes(lease.written()) == bytes(10) + b"x"

    @at_every_marked_level
    def test_never_sees_poison_in_a_bytearray(self, level: DebugLevel) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=level)
        for _ in range(3):
            with pool.acquire() as lease:
                assert (lease.used, bytes(lease.written())) == (0, b"")
                lease.buffer[:2] = b"{}"
                lease.used = 2
                assert bytes(lease.written()) == b"{}"

    @at_every_marked_level
    def test_who_asked_for_zeros_gets_zeros(self, level: DebugLevel) -> None:
        pool = ArrayPool("subject", shape=(4,), capacity=1, clear_on_return=True, debug=level)
        for _ in range(2):
            with pool.acquire() as lease:
                assert not lease.array.any()
                lease.array[...] = 7


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["borrow", "write", "release", "drop", "keep", "slice", "forget", "look"]),
        st.integers(0, 3),
    ),
    max_size=40,
)


@given(kind=st.sampled_from(["array", "bytesio", "bytearray", "record"]), steps=STEPS)
def test_no_false_alarm(kind: str, steps: list[tuple[str, int]]) -> None:
    """Whatever borrowers do while they hold a lease, nothing is called damage."""
    pool = pool_of(kind)
    leases: list[Any] = []
    kept: list[Any] = []
    for step, number in steps:
        if step == "borrow":
            if (lease := pool.try_acquire()) is not None:
                leases.append(lease)
                del lease
        elif step == "look":
            check_identities(pool.stats())
        elif step == "forget":
            kept.clear()
        elif leases:
            act(kind, step, leases, number, kept)
        assert pool.stats().misuse_by_kind["write_after_release"] == 0
    check_identities(pool.stats())


def act(kind: str, step: str, leases: list[Any], number: int, kept: list[Any]) -> None:
    index = number % len(leases)
    if step == "write":
        write(kind, leases[index], number)
    elif step == "drop":
        del leases[index]
    else:
        lease = leases.pop(index)
        if step == "keep":
            kept.append(getattr(lease, {"array": "array", "record": "record"}.get(kind, "buffer")))
        elif step == "slice" and kind == "array":
            kept.append(lease.array[1:])
        try:
            lease.release()
        except RetainedView:
            assert (step, kind) == ("slice", "array")


def write(kind: str, lease: Any, number: int) -> None:
    if kind == "array":
        lease.array[number:] = number
    elif kind == "bytesio":
        lease.buffer.write(bytes(number * 50))
        lease.buffer.seek(number)
    elif kind == "bytearray":
        del lease.buffer[number:]
        lease.buffer.extend(bytes(number * 9))
    else:
        lease.record.number = number


def pool_of(kind: str) -> Any:
    level = DebugLevel.POISON
    if kind == "array":
        return ArrayPool("subject", shape=(6, 2), capacity=3, debug=level)
    if kind == "bytesio":
        return BytesIOPool("subject", initial_bytes=16, max_bytes=256, capacity=3, debug=level)
    if kind == "bytearray":
        return ByteArrayPool("subject", initial_bytes=8, max_bytes=32, capacity=3, debug=level)
    return RecordPool("subject", Numbered, capacity=3, debug=level)
