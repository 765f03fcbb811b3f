"""Quantiles of what a histogram has counted."""

from __future__ import annotations

from collections.abc import Sequence


def quantile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """The value that ``share`` of those counted do not exceed; None if nothing was counted.

    Inside a bucket all values are taken to be spread evenly. The last bucket has no upper bound:
    of what lies there, only its lower bound is known.

    >>> quantile([1.0, 2.0, 4.0], [0, 0, 10, 0], 0.5)
    3.0
    """
    total = sum(counts)
    if not total:
        return None
    rank, below, low = share * total, 0, 0.0
    for bound, count in zip(bounds, counts, strict=False):
        if count and below + count >= rank:
            return low + (bound - low) * (rank - below) / count
        below += count
        low = bound
    return bounds[-1]
