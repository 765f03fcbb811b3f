"""Writes into a returned buffer are found, told exactly, and traced to who gave it back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.pool import (
    ArrayPool,
    ByteArrayPool,
    BytesIOPool,
    DebugLevel,
    PoolManager,
    PoolObserver,
    RecordPool,
    RetainedView,
    WriteAfterRelease,
)
from framesrv.pool.debug.marks import POISON
from framesrv.testing.clocks import FakeClock
from framesrv.testing.contract import check_identities

LEVELS = [
    DebugLevel.POISON,
    pytest.param(
        DebugLevel.FENCE,
        marks=pytest.mark.skipif(sys.platform != "linux", reason="fence needs Linux"),
    ),
]


class Note:
    __slots__ = ("number", "text")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.number = 0
        self.text = ""


def arrays(shape: tuple[int, ...] = (4, 5, 3), dtype: Any = "uint8", **options: Any) -> ArrayPool:
    return ArrayPool(
        "subject", shape=shape, dtype=dtype, capacity=1, debug=DebugLevel.POISON, **options
    )


def borrow_here(pool: Any, **options: Any) -> Any:
    return pool.acquire(**options)


def give_back_here(lease: Any) -> None:
    lease.release()


def poke(address: int, value: int = 0) -> None:
    ctypes.memset(address, value, 1)


def write_late(pool: Any, *offsets: int) -> None:
    """As C code does that keeps a pointer."""
    lease = borrow_here(pool)
    address = lease.array.ctypes.data
    give_back_here(lease)
    for offset in offsets:
        poke(address + offset)


def found(pool: Any) -> str:
    """What the next borrower is told. After that the pool must be whole and lend again."""
    with pytest.raises(WriteAfterRelease) as caught:
        pool.acquire(timeout_s=0.0)
    stats = pool.stats()
    check_identities(stats)
    assert (stats.idle, stats.leased, stats.misuse_by_kind["write_after_release"]) == (1, 0, 1)
    for _ in range(2):
        with pool.acquire(timeout_s=0.0):
            assert pool.stats().leased == 1
    stats = pool.stats()
    check_identities(stats)
    assert (stats.idle, stats.misuse_by_kind["write_after_release"]) == (1, 1)
    return str(caught.value)


def check_stacks(
    text: str, borrowed_in: str = "borrow_here", back_in: str = "give_back_here"
) -> None:
    borrowed, returned = text.split("\nBorrowed at:\n")[1].split("\nReturned at:\n")
    assert f'File "{__file__}", line ' in borrowed
    assert f"in {borrowed_in}\n" in borrowed
    assert f"in {back_in}\n" in returned
    assert "framesrv/pool/" not in text, "the stacks are the borrower's, not the pool's"


FIRST_MIDDLE_LAST = [
    (0, "row 0, column 0, channel 0"),
    (31, "row 2, column 0, channel 1"),
    (59, "row 3, column 4, channel 2"),
]


class TestOneByteOfAnArray:
    @pytest.mark.parametrize(("offset", "where"), FIRST_MIDDLE_LAST)
    def test_written_through_a_pointer(self, offset: int, where: str) -> None:
        pool = arrays()
        write_late(pool, offset)
        text = found(pool)
        place = f"{where} (offset {offset})"
        assert "pool 'subject': a returned buffer was written to" in text
        assert f"1 byte(s) differ, first at {place}, last at {place}." in text
        assert "Its last holder kept a pointer or a view" in text
        check_stacks(text)

    @pytest.mark.parametrize(("offset", "where"), FIRST_MIDDLE_LAST)
    def test_written_through_a_retained_view(self, offset: int, where: str) -> None:
        pool = arrays()
        lease = borrow_here(pool)
        view = lease.array.reshape(-1)
        with pytest.raises(RetainedView):
            give_back_here(lease)
        view[offset] = 7
        del view
        text = found(pool)
        assert f"1 byte(s) differ, first at {where} (offset {offset}), last at {where}" in text
        check_stacks(text)

    @pytest.mark.parametrize(("offset", "where"), FIRST_MIDDLE_LAST)
    def test_written_through_a_memoryview_of_the_handle(self, offset: int, where: str) -> None:
        pool = arrays()
        lease = borrow_here(pool)
        view = memoryview(lease.array).cast("B")
        give_back_here(lease)
        view[offset] = 7
        view.release()
        text = found(pool)
        assert f"1 byte(s) differ, first at {where} (offset {offset}), last at {where}" in text
        check_stacks(text)

    @pytest.mark.parametrize("level", LEVELS)
    def test_written_while_leased_is_fine(self, level: DebugLevel) -> None:
        pool = ArrayPool("subject", shape=(4, 5, 3), capacity=1, debug=level)
        for _ in range(3):
            with pool.acquire() as lease:
                poke(lease.array.ctypes.data + 31)
                lease.array[3, 4, 2] = 9
        assert pool.stats().misuse == 0


def test_the_first_and_the_last_of_several_bytes_are_told() -> None:
    pool = arrays()
    write_late(pool, 14, 31, 45)
    assert (
        "3 byte(s) differ, first at row 0, column 4, channel 2 (offset 14), "
        "last at row 3, column 0, channel 0 (offset 45)." in found(pool)
    )


@pytest.mark.parametrize(
    ("shape", "dtype", "offset", "where"),
    [
        ((7,), "uint8", 5, "row 5 (offset 5)"),
        ((3, 4), "uint8", 6, "row 1, column 2 (offset 6)"),
        ((3, 4), "float32", 27, "row 1, column 2 (offset 27)"),
        ((2, 3, 4), "uint16", 47, "row 1, column 2, channel 3 (offset 47)"),
        ((2, 3, 4), "complex128", 0, "row 0, column 0, channel 0 (offset 0)"),
        ((2, 2, 2, 2), "uint8", 11, "axis 0 1, axis 1 0, axis 2 1, axis 3 1 (offset 11)"),
    ],
)
def test_other_shapes_and_dtypes(
    shape: tuple[int, ...], dtype: str, offset: int, where: str
) -> None:
    pool = arrays(shape, dtype)
    write_late(pool, offset)
    assert f"1 byte(s) differ, first at {where}, last at {where}." in found(pool)


def test_the_observer_hears_of_it() -> None:
    class Recorder(PoolObserver):
        def misused(self, pool: str, kind: str, detail: str) -> None:
            heard.append((pool, kind, detail))

    heard: list[tuple[str, str, str]] = []
    pool = arrays(observer=Recorder())
    write_late(pool, 3)
    assert [("subject", "write_after_release", found(pool))] == heard


def test_the_stacks_are_those_of_the_last_holder() -> None:
    def borrow_elsewhere() -> Any:
        return pool.acquire()

    def give_back_elsewhere(lease: Any) -> None:
        with lease:
            pass

    pool = arrays()
    write_late(pool)
    lease = borrow_elsewhere()
    address = lease.array.ctypes.data
    give_back_elsewhere(lease)
    poke(address)
    text = found(pool)
    check_stacks(text, "borrow_elsewhere", "give_back_elsewhere")
    assert "borrow_here" not in text


def test_a_buffer_that_came_home_without_its_lease() -> None:
    pool = arrays()
    lease = borrow_here(pool)
    address = lease.array.ctypes.data
    del lease
    poke(address)
    text = found(pool)
    assert "in borrow_here\n" in text
    assert text.endswith("\nReturned at:\n  (not by a release)")


def test_one_who_waited_in_line_is_told_as_well() -> None:
    clock = FakeClock()
    pool = arrays(clock=clock)
    lease = borrow_here(pool)
    address = lease.array.ctypes.data

    def return_and_write() -> None:
        give_back_here(lease)
        poke(address)

    clock.after(0.01, return_and_write)
    with pytest.raises(WriteAfterRelease, match="offset 0"):
        pool.acquire(timeout_s=1.0)
    stats = pool.stats()
    check_identities(stats)
    assert stats.idle == 1


def test_one_who_only_tries_is_told_as_well() -> None:
    pool = arrays()
    write_late(pool, 59)
    with pytest.raises(WriteAfterRelease, match="offset 59"):
        pool.try_acquire()
    assert pool.stats().idle == 1
    with pool.acquire(timeout_s=0.0) as lease:
        assert (lease.array == POISON).all()


def test_a_set_gives_everything_back_when_one_buffer_is_damaged() -> None:
    manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
    pools = [
        ArrayPool(name, shape=(64,), capacity=1, debug=DebugLevel.POISON) for name in ("one", "two")
    ]
    for pool in pools:
        manager.register(pool)
    write_late(pools[1], 9)
    with pytest.raises(WriteAfterRelease, match="pool 'two'"):
        manager.acquire_all(["one", "two"])
    for stats in manager.stats().values():
        check_identities(stats)
        assert stats.leased == 0
    with manager.acquire_all(["one", "two"], timeout_s=0.0):
        assert pools[0].stats().leased == 1


class TestLadder:
    def test_the_place_is_told_in_the_shape_that_was_written_to(self) -> None:
        manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
        self.write_late(manager, (10, 10, 3), 31)
        with pytest.raises(WriteAfterRelease, match=r"row 1, column 0, channel 1 \(offset 31\)"):
            manager.acquire((5, 20, 3))
        assert manager.stats()["ladder"].idle == 1

    def test_past_the_end_of_the_view(self) -> None:
        manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
        self.write_late(manager, (2, 3), 10)
        with pytest.raises(
            WriteAfterRelease, match="first at offset 10, past the end of the view that was lent"
        ):
            manager.acquire((2, 3))
        manager.acquire((2, 3), timeout_s=0.0).release()

    @staticmethod
    def write_late(manager: PoolManager, shape: tuple[int, ...], offset: int) -> None:
        lease = manager.acquire(shape)
        address = lease.array.ctypes.data
        lease.release()
        poke(address + offset)


class TestBytesIO:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("offset", [0, 31, 63])
    def test_written_through_a_pointer(self, offset: int, level: DebugLevel) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=level)
        lease = borrow_here(pool)
        address = address_of(lease.buffer.store())
        give_back_here(lease)
        poke(address + offset)
        text = found(pool)
        assert f"1 byte(s) differ, first at offset {offset}, last at offset {offset}." in text
        check_stacks(text)

    def test_written_through_the_kept_object(self) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=DebugLevel.POISON)
        lease = borrow_here(pool)
        kept = lease.buffer
        give_back_here(lease)
        kept.write(b"late")
        del kept
        text = found(pool)
        assert "4 byte(s) differ, first at offset 0, last at offset 3." in text
        check_stacks(text)

    def test_the_part_that_it_grew_by_is_watched_too(self) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            lease.buffer.write(bytes(200))
        lease = borrow_here(pool)
        address = address_of(lease.buffer.store())
        give_back_here(lease)
        poke(address + 199)
        assert "first at offset 199" in found(pool)


class TestByteArray:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("offset", [0, 9, 15])
    def test_written_through_a_pointer(self, offset: int, level: DebugLevel) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=level)
        lease = borrow_here(pool)
        address = address_of(memoryview(lease.buffer))
        give_back_here(lease)
        poke(address + offset)
        text = found(pool)
        assert f"1 byte(s) differ, first at offset {offset}, last at offset {offset}." in text
        check_stacks(text)

    def test_written_through_the_kept_object(self) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=DebugLevel.POISON)
        lease = borrow_here(pool)
        kept = lease.buffer
        give_back_here(lease)
        kept[4:6] = b"{}"
        del kept
        text = found(pool)
        assert "2 byte(s) differ, first at offset 4, last at offset 5." in text
        check_stacks(text)

    def test_one_that_was_emptied_while_leased_is_no_damage(self) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            lease.buffer.clear()
        with pool.acquire() as lease:
            assert len(lease.buffer) == 16


class PlainNote:
    """Without slots."""

    def __init__(self) -> None:
        self.number = 0
        self.text = ""

    reset = __init__


class TestRecord:
    @pytest.mark.parametrize("level", LEVELS)
    @pytest.mark.parametrize("factory", [Note, PlainNote])
    def test_written_through_the_kept_object(
        self, factory: Callable[[], Any], level: DebugLevel
    ) -> None:
        pool = RecordPool("subject", factory, capacity=1, debug=level)
        lease = borrow_here(pool)
        kept = lease.record
        give_back_here(lease)
        kept.text = "late"
        del kept
        text = found(pool)
        assert "a returned buffer was written to: fields changed: text." in text
        check_stacks(text)

    def test_every_changed_field_is_named(self) -> None:
        pool = RecordPool("subject", Note, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept = lease.record
        kept.text, kept.number = "late", 3
        del kept
        assert "fields changed: number, text." in found(pool)

    def test_another_type_is_a_change_even_if_equal(self) -> None:
        pool = RecordPool("subject", Note, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept: Any = lease.record
        kept.number = False
        del kept
        assert "fields changed: number." in found(pool)

    def test_a_field_that_was_deleted_is_a_change(self) -> None:
        pool = RecordPool("subject", Note, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept = lease.record
        del kept.text
        del kept
        assert "fields changed: text." in found(pool)


def address_of(view: memoryview) -> int:
    """The address of the bytes, without keeping them exported."""
    array = np.frombuffer(view, np.uint8)
    address = array.ctypes.data
    del array
    view.release()
    return int(address)


class TestWhoFillsTheWholeView:
    @pytest.mark.parametrize("level", LEVELS)
    def test_never_sees_poison_in_an_array(self, level: DebugLevel) -> None:
        pool = ArrayPool("subject", shape=(4, 5, 3), capacity=2, warm=1, debug=level)
        for value in range(4):
            with pool.acquire() as one, pool.acquire() as two:
                for lease in (one, two):
                    assert (lease.array == POISON).all(), "who reads first sees poison: a bug shows"
                    lease.array[...] = value
                    assert (lease.array == value).all()

    @pytest.mark.parametrize("level", LEVELS)
    def test_never_sees_poison_in_a_bytesio(self, level: DebugLevel) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=level)
        for _ in range(3):
            with pool.acquire() as lease:
                assert lease.buffer.read() == lease.buffer.getvalue() == b""
                lease.buffer.seek(10)
                lease.buffer.write(b"x")
                assert bytes(lease.written()) == bytes(10) + b"x"

    @pytest.mark.parametrize("level", LEVELS)
    def test_never_sees_poison_in_a_bytearray(self, level: DebugLevel) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=level)
        for _ in range(3):
            with pool.acquire() as lease:
                assert (lease.used, bytes(lease.written())) == (0, b"")
                lease.buffer[:2] = b"{}"
                lease.used = 2
                assert bytes(lease.written()) == b"{}"

    @pytest.mark.parametrize("level", LEVELS)
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
    return RecordPool("subject", Note, capacity=3, debug=level)
