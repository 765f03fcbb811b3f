"""Quantiles of buckets against those of the values themselves."""

from __future__ import annotations

from bisect import bisect_left
from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from framesrv.observability.live.quantiles import quantile

BOUNDS = st.lists(st.floats(1e-4, 1e4, allow_nan=False), min_size=1, max_size=20, unique=True).map(
    sorted
)
VALUES = st.lists(st.floats(0, 2e4, allow_nan=False), min_size=1, max_size=200)
SHARE = st.floats(0.01, 1.0)


def counted(bounds: list[float], values: list[float]) -> list[int]:
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    return counts


@given(BOUNDS, VALUES, SHARE)
def test_it_lies_in_the_bucket_of_the_exact_one(
    bounds: list[float], values: list[float], share: float
) -> None:
    exact = sorted(values)[ceil(share * len(values)) - 1]
    found = quantile(bounds, counted(bounds, values), share)
    assert found is not None
    bucket = bisect_left(bounds, exact)
    if bucket == len(bounds):
        assert found == bounds[-1], "above all bounds, only that is known"
    else:
        assert (0.0, *bounds)[bucket] <= found <= bounds[bucket]


@given(BOUNDS, VALUES, SHARE, SHARE)
def test_a_larger_share_has_no_smaller_value(
    bounds: list[float], values: list[float], one: float, other: float
) -> None:
    counts = counted(bounds, values)
    low, high = (quantile(bounds, counts, share) for share in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high * (1 + 1e-12)


@given(BOUNDS, SHARE)
def test_of_nothing_there_is_none(bounds: list[float], share: float) -> None:
    assert quantile(bounds, [0] * (len(bounds) + 1), share) is None
