"""One question a file. What is asked of each is in its first lines."""

from benchmarks.model import Scenario
from benchmarks.scenarios import (
    contended,
    designs,
    fresh,
    levels,
    roundtrip,
    sizes,
    steady,
    threads,
    token,
)

SCENARIOS: tuple[Scenario, ...] = (
    roundtrip.SCENARIO,
    fresh.SCENARIO,
    threads.SCENARIO,
    contended.SCENARIO,
    steady.SCENARIO,
    levels.SCENARIO,
    token.SCENARIO,
    sizes.SCENARIO,
    designs.SCENARIO,
)
