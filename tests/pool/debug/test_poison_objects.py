"""Writes into a returned BytesIO, bytearray or record are found, and the place or field is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from framesrv.pool import ByteArrayPool, BytesIOPool, DebugLevel, RecordPool
from tests.pool.debug.damage import (
    Numbered,
    borrow_here,
    check_stacks,
    check_told,
    found,
    give_back_here,
    write_late,
)
from tests.pool.helpers import address_of, at_every_marked_level


def store_address(lease: Any) -> int:
    return address_of(lease.buffer.store())


class TestBytesIO:
    @at_every_marked_level
    @pytest.mark.parametrize("offset", [0, 31, 63])
    def test_written_through_a_pointer(self, offset: int, level: DebugLevel) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=level)
        write_late(pool, offset, address_in=store_address)
        check_told(pool, 1, f"offset {offset}")

    def test_written_through_the_kept_object(self) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=DebugLevel.POISON)
        lease = borrow_here(pool)
        kept = lease.buffer
        give_back_here(lease)
        kept.write(b"late")
        del kept
        check_told(pool, 4, "offset 0", "offset 3")

    def test_the_part_that_it_grew_by_is_watched_too(self) -> None:
        pool = BytesIOPool("subject", initial_bytes=64, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            lease.buffer.write(bytes(200))
        write_late(pool, 199, address_in=store_address)
        check_told(pool, 1, "offset 199")


class TestByteArray:
    @at_every_marked_level
    @pytest.mark.parametrize("offset", [0, 9, 15])
    def test_written_through_a_pointer(self, offset: int, level: DebugLevel) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=level)
        write_late(pool, offset, address_in=lambda lease: address_of(lease.buffer))
        check_told(pool, 1, f"offset {offset}")

    def test_written_through_the_kept_object(self) -> None:
        pool = ByteArrayPool("subject", initial_bytes=16, capacity=1, debug=DebugLevel.POISON)
        lease = borrow_here(pool)
        kept = lease.buffer
        give_back_here(lease)
        kept[4:6] = b"{}"
        del kept
        check_told(pool, 2, "offset 4", "offset 5")

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
    @at_every_marked_level
    @pytest.mark.parametrize("factory", [Numbered, PlainNote])
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
        pool = RecordPool("subject", Numbered, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept = lease.record
        kept.text, kept.number = "late", 3
        del kept
        assert "fields changed: number, text." in found(pool)

    def test_another_type_is_a_change_even_if_equal(self) -> None:
        pool = RecordPool("subject", Numbered, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept: Any = lease.record
        kept.number = False
        del kept
        assert "fields changed: number." in found(pool)

    def test_a_field_that_was_deleted_is_a_change(self) -> None:
        pool = RecordPool("subject", Numbered, capacity=1, debug=DebugLevel.POISON)
        with pool.acquire() as lease:
            kept = lease.record
        del kept.text
        del kept
        assert "fields changed: text." in found(pool)
