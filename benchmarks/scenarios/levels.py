"""What each debug level costs: one array round trip, in times of the same with nothing watched."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from benchmarks.harness import Bench, timed
from benchmarks.loops import array_pool, borrow_and_return
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.pool import DebugLevel

_LABELS: Final[Mapping[DebugLevel, str]] = {
    DebugLevel.OFF: "off",
    DebugLevel.SAMPLE: "sample: one lease in 128 carries its stack",
    DebugLevel.POISON: "poison: 409,600 bytes filled, then verified",
    DebugLevel.FENCE: "fence: as poison, and two changes of protection",
}


def run(bench: Bench) -> Outcome:
    levels = [level for level in DebugLevel if level != "fence" or sys.platform == "linux"]
    measured = bench.compare(
        {level: timed(borrow_and_return(array_pool(level=level))) for level in levels},
        baseline=DebugLevel.OFF,
    )
    return Outcome(
        [
            Figure.ratio(
                f"levels.{level}", _LABELS[level], measured[level].ratio, measured[level].here
            )
            for level in levels
        ],
        notes=("Time of acquire + release of a 320x320x4 array, in times of level off.",),
    )


SCENARIO = Scenario("levels", "What each debug level costs", run)
