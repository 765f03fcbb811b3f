"""Numbers that a pool cannot be made with: all faults are told at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framesrv.errors import BadConfig
from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool
from framesrv.pool.sizing import check_array, check_capacity, check_growing


@pytest.mark.parametrize("shape", [(), 5, None, "4", (0,), (3, -1), (2.0, 2), ("2",)])
def test_shapes(shape: Any) -> None:
    with pytest.raises(BadConfig, match=r"pool 'p': shape must be whole numbers .* as in \(320"):
        check_array("p", shape, "uint8")


@pytest.mark.parametrize("dtype", ["nonsense", object, "O", "V0", "S0", [("a", object)]])
def test_dtypes(dtype: Any) -> None:
    with pytest.raises(BadConfig, match=r"dtype must be a NumPy type of plain numbers"):
        check_array("p", (2, 2), dtype)


def test_a_shape_and_dtype_that_can_be() -> None:
    shape: Any = [2, 3]
    assert check_array("p", shape, np.float32) == ((2, 3), np.dtype("float32"))


def test_both_faults_of_an_array_at_once() -> None:
    with pytest.raises(BadConfig, match=r"shape must be .*; dtype must be"):
        ArrayPool("p", shape=(0,), dtype=object, capacity=1)


def test_name_and_capacity_at_once() -> None:
    with pytest.raises(BadConfig, match=r"pool '': name must be .* not ''; capacity must be .* 0"):
        check_capacity("", 0, 0)
    with pytest.raises(BadConfig, match="name must be a text"):
        check_capacity(3, 1, 1)  # type: ignore[arg-type]


def test_warm_is_from_none_to_all() -> None:
    for warm in (0, 3):
        check_capacity("p", 3, warm)
    wrong: list[Any] = [-1, 4, 1.5]
    for warm in wrong:
        with pytest.raises(BadConfig, match=f"from 0 to the capacity 3, not {warm}"):
            check_capacity("p", 3, warm)


@pytest.mark.parametrize("initial", [0, -1, 1.5, "1", None])
def test_bytes_to_begin_with(initial: Any) -> None:
    for pool_class in (BytesIOPool, ByteArrayPool):
        with pytest.raises(BadConfig, match="initial_bytes must be a whole number of at least 1"):
            pool_class("p", initial_bytes=initial, max_bytes=10, capacity=1)


@pytest.mark.parametrize("most", [9, 0, 10.5, "10"])
def test_bytes_to_keep(most: Any) -> None:
    with pytest.raises(
        BadConfig, match=r"max_bytes must be a whole number of at least initial_bytes \(10\), not"
    ):
        check_growing("p", 10, most)


def test_both_may_be_the_same() -> None:
    check_growing("p", 10, 10)
