"""One question a file. What is asked of each is in its first lines."""

from benchmarks.model import Scenario
from benchmarks.scenarios import (
    codecs,
    contended,
    designs,
    fresh,
    handlers,
    latency,
    levels,
    roundtrip,
    serving,
    sizes,
    standing,
    steady,
    threads,
    token,
    wire,
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
    codecs.SCENARIO,
    wire.SCENARIO,
    serving.SCENARIO,
    latency.SCENARIO,
    standing.SCENARIO,
    handlers.SCENARIO,
)
