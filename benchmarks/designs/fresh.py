"""(d) No pooling at all: a fresh array each time."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from benchmarks.designs.design import Design, Lender, Shape, itself
from benchmarks.loops import touched


def _build(shape: Shape, capacity: int, written: bool) -> Lender:
    """A borrower who writes the whole array touches it by that; else it is touched here."""
    acquire = partial(np.empty, shape, np.uint8) if written else partial(touched, shape)
    return Lender(acquire, _forget, itself)


def _forget(array: np.ndarray[Any, Any]) -> None:
    """The array dies with its last name, which is the borrower's."""


FRESH = Design(
    "fresh",
    "(d) no pooling: np.empty",
    "any bound on memory, hence waiting, order and deadlines; its cost is what the C allocator "
    "makes of the pattern of the day",
    _build,
)
