"""Writes into a returned array are found, and the place is told in the terms of the image."""

from __future__ import annotations

import pytest

from framesrv.pool import ArrayPool, DebugLevel, PoolManager, RetainedView, WriteAfterRelease
from tests.pool.debug.damage import (
    arrays,
    borrow_here,
    check_told,
    give_back_here,
    poke,
    write_late,
)
from tests.pool.helpers import at_every_marked_level

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
        text = check_told(pool, 1, f"{where} (offset {offset})")
        assert "Its last holder kept a pointer or a view" in text

    @pytest.mark.parametrize(("offset", "where"), FIRST_MIDDLE_LAST)
    def test_written_through_a_retained_view(self, offset: int, where: str) -> None:
        pool = arrays()
        lease = borrow_here(pool)
        view = lease.array.reshape(-1)
        with pytest.raises(RetainedView):
            give_back_here(lease)
        view[offset] = 7
        del view
        check_told(pool, 1, f"{where} (offset {offset})")

    @pytest.mark.parametrize(("offset", "where"), FIRST_MIDDLE_LAST)
    def test_written_through_a_memoryview_of_the_handle(self, offset: int, where: str) -> None:
        pool = arrays()
        lease = borrow_here(pool)
        view = memoryview(lease.array).cast("B")
        give_back_here(lease)
        view[offset] = 7
        view.release()
        check_told(pool, 1, f"{where} (offset {offset})")

    @at_every_marked_level
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
    first = "row 0, column 4, channel 2 (offset 14)"
    check_told(pool, 3, first, "row 3, column 0, channel 0 (offset 45)")


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
    check_told(pool, 1, where)


class TestLadder:
    def test_the_place_is_told_in_the_shape_that_was_written_to(self) -> None:
        manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
        write_late(manager, 31, request=[(10, 10, 3)])
        with pytest.raises(WriteAfterRelease, match=r"row 1, column 0, channel 1 \(offset 31\)"):
            manager.acquire((5, 20, 3))
        assert manager.stats()["ladder"].idle == 1

    def test_past_the_end_of_the_view(self) -> None:
        manager = PoolManager(1 << 20, debug=DebugLevel.POISON)
        write_late(manager, 10, request=[(2, 3)])
        with pytest.raises(
            WriteAfterRelease, match="first at offset 10, past the end of the view that was lent"
        ):
            manager.acquire((2, 3))
        manager.acquire((2, 3), timeout_s=0.0).release()
