"""How fast something grows, and how sure that is: a line through samples that are not independent.

What is sampled once a second hardly changes from one second to the next, so a thousand samples
know less than a thousand independent ones, and the textbook's bound would be far too narrow. Two
things are done about it. The samples are averaged in blocks of equal time, and the line goes
through the blocks. What neighbouring blocks still have in common is estimated from the residuals
(their lag-1 autocorrelation r, as of a process AR(1)), and only n (1 - r) / (1 + r) of the n
blocks count as independent, for the error of the slope as for the degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean
from typing import Final

BLOCKS: Final = 24
_LEAST_BLOCKS: Final = 4
_LEAST_FREEDOM: Final = 2.0
# An estimate of r from few blocks is too low by about this, in parts of (1 + 4 r) / n.
_BIAS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Trend:
    """In units of y a unit of x. The bounds enclose the true slope in 95 of 100 cases."""

    slope: float
    low: float
    high: float


def trend(xs: Sequence[float], ys: Sequence[float], blocks: int = BLOCKS) -> Trend:
    """The line through the means of ``blocks`` equal spans of x."""
    xs, ys = _averaged(xs, ys, blocks)
    n = len(xs)
    if n < _LEAST_BLOCKS:
        raise ValueError(f"{n} blocks of samples are too few for a trend")
    middle, level = fmean(xs), fmean(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    slope = sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / spread
    residuals = [y - level - slope * (x - middle) for x, y in zip(xs, ys, strict=True)]
    independent = _independent(residuals)
    freedom = max(_LEAST_FREEDOM, independent - 2)
    squares = sum(residual**2 for residual in residuals)
    # Of n blocks' squares, so many degrees of freedom are left; n / independent widens the rest.
    error = math.sqrt(squares / n * independent / freedom * (n / independent) / spread)
    width = student(0.975, freedom) * error
    return Trend(slope, slope - width, slope + width)


def _averaged(
    xs: Sequence[float], ys: Sequence[float], blocks: int
) -> tuple[list[float], list[float]]:
    if not xs:
        return [], []
    first, length = xs[0], (xs[-1] - xs[0]) / blocks or 1.0
    found: dict[int, list[tuple[float, float]]] = {}
    for x, y in zip(xs, ys, strict=True):
        found.setdefault(min(blocks - 1, int((x - first) / length)), []).append((x, y))
    means = [(fmean(x for x, _ in some), fmean(y for _, y in some)) for some in found.values()]
    return [x for x, _ in means], [y for _, y in means]


def _independent(residuals: Sequence[float]) -> float:
    """How many of so many values count, as they resemble their neighbours."""
    n = len(residuals)
    squares = sum(residual**2 for residual in residuals)
    if squares == 0:
        return float(n)
    products = sum(a * b for a, b in pairwise(residuals))
    alike = products / squares
    alike += _BIAS * (1 + 4 * max(0.0, alike)) / n  # residuals of a fitted line look less alike
    alike = min(0.95, max(0.0, alike))
    return n * (1 - alike) / (1 + alike)


def student(probability: float, freedom: float) -> float:
    """The quantile of Student's t, by Cornish and Fisher's expansion (within 2 % from 3 on).

    >>> round(student(0.975, 3), 1), round(student(0.975, 10), 2), round(student(0.975, 1e9), 2)
    (3.2, 2.23, 1.96)
    """
    z, f = NormalDist().inv_cdf(probability), freedom
    terms = (
        z,
        (z**3 + z) / (4 * f),
        (5 * z**5 + 16 * z**3 + 3 * z) / (96 * f**2),
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * f**3),
    )
    return sum(terms)
