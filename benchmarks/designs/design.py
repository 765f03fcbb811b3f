"""What the four have in common, with no call in between that only one of them would need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lender:
    acquire: Callable[[], Any]
    release: Callable[[Any], object]
    pixels: Callable[[Any], np.ndarray[Any, Any]]  # the array of what was acquired


def itself(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array


@dataclass(frozen=True, slots=True)
class Design:
    key: str
    label: str
    lacks: str
    # Shape, capacity, and whether the borrower writes the whole buffer himself.
    build: Callable[[Shape, int, bool], Lender]
