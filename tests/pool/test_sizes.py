"""The size ladder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import BadConfig
from framesrv.pool import SizeClasses
from framesrv.pool.memory import PAGE_BYTES

DEFAULT = SizeClasses()


def test_the_default_goes_from_16_kib_to_64_mib() -> None:
    assert (DEFAULT.sizes[0], DEFAULT.sizes[-1]) == (16 * 1024, 64 * 1024 * 1024)


@given(st.integers(1, DEFAULT.sizes[-1]))
def test_the_class_of_a_size_is_the_smallest_that_holds_it(nbytes: int) -> None:
    index = DEFAULT.index(nbytes)
    assert index is not None
    assert DEFAULT.sizes[index] >= nbytes
    assert index == 0 or DEFAULT.sizes[index - 1] < nbytes


@given(st.integers(64 * 1024, DEFAULT.sizes[-1]))
def test_four_classes_a_doubling_waste_a_fifth_at_most(nbytes: int) -> None:
    index = DEFAULT.index(nbytes)
    assert index is not None
    assert DEFAULT.sizes[index] <= nbytes * 2**0.25 + 2 * PAGE_BYTES


@given(
    smallest=st.integers(1, 1 << 20),
    factor=st.integers(1, 300),
    per_doubling=st.integers(1, 8),
)
def test_any_ladder_rises_in_whole_pages_to_its_end(
    smallest: int, factor: int, per_doubling: int
) -> None:
    largest = smallest * factor
    sizes = SizeClasses(smallest, largest, per_doubling).sizes
    assert list(sizes) == sorted(set(sizes))
    assert all(size % PAGE_BYTES == 0 for size in sizes)
    assert largest <= sizes[-1] < largest + PAGE_BYTES


def test_past_the_end_there_is_none() -> None:
    assert DEFAULT.index(DEFAULT.sizes[-1]) == len(DEFAULT.sizes) - 1
    assert DEFAULT.index(DEFAULT.sizes[-1] + 1) is None


def test_a_ladder_of_one() -> None:
    assert SizeClasses(PAGE_BYTES, PAGE_BYTES).sizes == (PAGE_BYTES,)


@pytest.mark.parametrize(("smallest", "largest"), [(0, 10), (-5, 10), (20, 10)])
def test_ends_that_cannot_be(smallest: int, largest: int) -> None:
    with pytest.raises(
        BadConfig, match=rf"1 <= smallest_bytes <= largest_bytes, not {smallest} and {largest}"
    ):
        SizeClasses(smallest, largest)


def test_no_class_a_doubling() -> None:
    with pytest.raises(BadConfig, match="per_doubling must be at least 1, not 0"):
        SizeClasses(per_doubling=0)
