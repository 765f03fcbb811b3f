"""What a scenario hands back: figures that may have a target, and tables to show."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.harness import Bench


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of several rounds, and the middle half of them beside it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)

    def inverse(self) -> Spread:
        return Spread(1 / self.median, 1 / self.high, 1 / self.low)


@dataclass(frozen=True, slots=True)
class Target:
    """
    >>> str(Target("<=", 0.8)), Target("<=", 0.8).is_met(0.8), Target(">=", 20).is_met(19.9)
    ('<= 0.8', True, False)
    """

    relation: str  # "<=" or ">="
    limit: float

    def is_met(self, value: float) -> bool:
        return value <= self.limit if self.relation == "<=" else value >= self.limit

    def __str__(self) -> str:
        return f"{self.relation} {self.limit:,g}"


@dataclass(frozen=True, slots=True)
class Figure:
    key: str  # "roundtrip.sample": the scenario first; targets are found by it
    what: str
    value: float
    unit: str = "x"
    low: float | None = None  # the middle half of the rounds, where there were rounds
    high: float | None = None
    here: str = ""  # the absolute figure behind a ratio: it holds on this machine only

    @classmethod
    def ratio(cls, key: str, what: str, spread: Spread, here: str = "") -> Figure:
        return cls(key, what, spread.median, "x", spread.low, spread.high, here)


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, as data: ``plots`` draws it, the JSON keeps the numbers."""

    name: str  # of its files, in small letters and dashes
    title: str
    x: str  # what the axes measure
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)  # lines
    bars: Mapping[str, float] = field(default_factory=dict)  # or bars, in their order
    marks: Mapping[str, float] = field(default_factory=dict)  # values of y to hold them against
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    figures: Sequence[Figure]
    notes: Sequence[str] = ()
    # Shown in place of the list of figures, where that would be too long to read.
    tables: Sequence[Table] = field(default=())
    # Shown before the list of figures: what was found besides what is judged.
    details: Sequence[Table] = field(default=())
    charts: Sequence[Chart] = field(default=())


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    title: str
    run: Callable[[Bench], Outcome]
