"""Checks of the sizes that a pool is made with. All faults are reported at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from framesrv.errors import BadConfig


def check_capacity(name: str, capacity: int, warm: int) -> None:
    faults = []
    if not isinstance(name, str) or not name:
        faults.append(f"name must be a text that is not empty, not {name!r}")
    if not isinstance(capacity, int) or capacity < 1:
        faults.append(f"capacity must be a whole number of at least 1, not {capacity!r}")
    elif not isinstance(warm, int) or not 0 <= warm <= capacity:
        faults.append(
            f"warm must be a whole number from 0 to the capacity {capacity}, not {warm!r}"
        )
    _raise(name, faults)


def check_growing(name: str, initial_bytes: int, max_bytes: int) -> None:
    faults = []
    if not isinstance(initial_bytes, int) or initial_bytes < 1:
        faults.append(f"initial_bytes must be a whole number of at least 1, not {initial_bytes!r}")
    elif not isinstance(max_bytes, int) or max_bytes < initial_bytes:
        faults.append(
            f"max_bytes must be a whole number of at least initial_bytes ({initial_bytes}), "
            f"not {max_bytes!r}"
        )
    _raise(name, faults)


def check_array(
    name: str, shape: tuple[int, ...], dtype: npt.DTypeLike
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """The shape and dtype as NumPy will see them."""
    faults = []
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    if not sides or not all(isinstance(side, int) and side >= 1 for side in sides):
        faults.append(
            f"shape must be whole numbers of at least 1, as in (320, 320, 4), not {shape!r}"
        )
    try:
        number_type = np.dtype(dtype)
    except TypeError:
        number_type = np.dtype(object)
    if number_type.kind not in "biufc":
        faults.append(f"dtype must be a NumPy type of plain numbers, as in 'uint8', not {dtype!r}")
    _raise(name, faults)
    return sides, number_type


def _raise(name: str, faults: list[str]) -> None:
    if faults:
        raise BadConfig(f"pool {name!r}: " + "; ".join(faults))
