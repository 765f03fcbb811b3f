"""What an operation is: a check of its own values, and a step for frames of a given form.

An operation is planned once for every form of frame that meets it, and then run for each frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from framesrv.frames.faults import Fault
from framesrv.frames.form import Form

__all__ = ["Form", "Op", "Pixels", "Step"]

Pixels = npt.NDArray[np.uint8]


class Step(NamedTuple):
    """An operation, made ready for frames of one form.

    ``work`` writes every byte of its second argument from its first, which it only reads.
    ``view`` needs no buffer: it returns a part of what it is given. With neither there is
    nothing to do. ``scratch`` is the shape of a buffer that ``work`` needs besides, as its
    third argument.
    """

    form: Form  # of the result
    work: Callable[..., Any] | None = None
    view: Callable[[Pixels], Pixels] | None = None
    scratch: tuple[int, ...] | None = None


class Op(Protocol):
    """One operation with its values. Immutable, comparable by value."""

    def faults(self) -> list[Fault]:
        """What is wrong with the values whatever the frame; empty if nothing is."""
        ...

    def step(self, form: Form) -> Step:
        """For frames of this form. Raises Refused if it does not fit them (BAD_GEOMETRY), or would
        make more than may be made (IMAGE_TOO_LARGE)."""
        ...
