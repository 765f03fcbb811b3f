"""The bound of a slope: it holds for samples that resemble their neighbours, and finds growth."""

from __future__ import annotations

import doctest
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import trend as module
from benchmarks.trend import Trend, student, trend

HOURS = [second / 3600 for second in range(400)]  # ten minutes less their warm-up


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - nobody is to be kept from guessing


def noise(seed: int, alike: float, sigma: float, count: int = len(HOURS)) -> list[float]:
    """Each so much like the one before: AR(1), of the given standard deviation."""
    chance = dice(seed)
    step = sigma * (1 - alike**2) ** 0.5
    found = [chance.gauss(0, sigma)]
    while len(found) < count:
        found.append(alike * found[-1] + chance.gauss(0, step))
    return found


def line(slope: float, wobble: list[float]) -> list[float]:
    return [130 + slope * x + y for x, y in zip(HOURS, wobble, strict=True)]


def test_what_does_not_change_has_no_slope_and_no_doubt() -> None:
    assert trend(HOURS, [130.0] * len(HOURS)) == Trend(0, 0, 0)


def test_a_straight_line_is_known_exactly() -> None:
    found = trend(HOURS, line(2, [0.0] * len(HOURS)))
    assert found.slope == pytest.approx(2)
    assert found.low == pytest.approx(2, abs=1e-6)
    assert found.high == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9, 0.97])
def test_the_bounds_hold_as_often_as_they_say(alike: float) -> None:
    """Of 200 flat series, 95 in 100 have 0 between their bounds: not many fewer, nor all."""
    outside = 0
    for seed in range(200):
        found = trend(HOURS, line(0, noise(seed, alike, sigma=1)))
        outside += not found.low <= 0 <= found.high
    assert 1 <= outside <= 20


def test_the_textbook_would_be_wrong_by_far() -> None:
    """As many blocks as samples, each taken for independent: what this is here to prevent."""
    narrow = wide = 0.0
    for seed in range(50):
        wide += (found := trend(HOURS, line(0, noise(seed, 0.97, 1)))).high - found.slope
        xs, ys = HOURS, noise(seed, 0.97, 1)
        dice(seed).shuffle(ys)  # the same values, as if they were independent
        narrow += (found := trend(xs, ys)).high - found.slope
    assert wide > 3 * narrow


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_two_mib_an_hour_are_found(alike: float) -> None:
    for seed in range(20):
        found = trend(HOURS, line(2, noise(seed, alike, sigma=0.01)))
        assert 0 < found.low < 2.5
        assert 1.5 < found.slope < 2.5
        assert found.high > 1.5, "it would be judged as more than 1"


def test_a_step_is_no_line_but_it_is_growth() -> None:
    steps = [0.0 if number < 200 else 0.5 for number in range(len(HOURS))]
    found = trend(HOURS, line(0, steps))
    assert found.slope > 1
    assert found.high - found.slope > found.slope / 4, "and it says that it is unsure"


@given(
    st.integers(0, 10_000),
    st.floats(-50, 50),
    st.floats(-1000, 1000),
    st.sampled_from([0.125, 0.5, 2.0, 8.0]),  # exact, so that every sample stays in its block
)
def test_it_follows_the_units(seed: int, slope: float, level: float, scale: float) -> None:
    ys = line(slope, noise(seed, 0.8, sigma=0.5))
    found = trend(HOURS, ys)
    assert found.low <= found.slope <= found.high
    moved = trend([x * scale for x in HOURS], [level + 2 * y for y in ys])
    for mine, other in zip(
        (found.slope, found.low, found.high), (moved.slope, moved.low, moved.high), strict=True
    ):
        assert other == pytest.approx(2 * mine / scale, rel=1e-3, abs=1e-3)
    down = trend(HOURS, [-y for y in ys])
    assert (down.slope, down.low) == pytest.approx((-found.slope, -found.high), abs=1e-6)


def test_too_few_samples_are_refused() -> None:
    for count in range(4):
        with pytest.raises(ValueError, match="too few"):
            trend(HOURS[:count], [1.0] * count)
    trend(HOURS[:4], [1.0] * 4)


@pytest.mark.parametrize(
    ("freedom", "table"), [(3, 3.182), (5, 2.571), (10, 2.228), (22, 2.074), (1000, 1.962)]
)
def test_students_t_is_that_of_the_tables(freedom: float, table: float) -> None:
    assert student(0.975, freedom) == pytest.approx(table, rel=0.02)


def test_examples_in_the_code() -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
