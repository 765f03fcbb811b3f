"""What a source gives, and what every source has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """BGR pixels, or the bytes of a JPEG, PNG or WebP file."""

    data: Pixels | bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """In a picture's place: it counts as failed, and the others go on."""

    name: str
    why: str


class Source(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def total(self) -> int | None:
        """How many there will be, if that is known."""

    @property
    def fps(self) -> float | None:
        """How fast its pictures were taken, or are."""

    @property
    def live(self) -> bool:
        """Whether time passes by it: pictures not taken in time are lost or late."""

    @property
    def skipped(self) -> int:
        """Pictures that a live source gave while no more could be held."""

    def pictures(self) -> Iterator[Picture | Unreadable]: ...
    def close(self) -> None:
        """Also by another thread than the one that is at the pictures, which then end."""


class Still:
    """The parts of a source that is not live."""

    name: str
    total: int | None = None
    fps: float | None = None
    live = False
    skipped = 0

    def close(self) -> None:
        return None
