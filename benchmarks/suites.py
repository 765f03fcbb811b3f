"""Which scenarios run together: one suite a command, ``python -m benchmarks NAME``.

The modules of a suite are loaded when it is asked for: what one needs, another may lack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Final

from benchmarks.model import Scenario


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    command: str  # how a reader runs it
    title: str
    modules: tuple[str, ...]  # in benchmarks.scenarios; each has a SCENARIO

    def scenarios(self) -> tuple[Scenario, ...]:
        names = (f"benchmarks.scenarios.{module}" for module in self.modules)
        return tuple(import_module(name).SCENARIO for name in names)


_ALL: Final = (
    Suite(
        "speed",
        "make bench",
        "The pools, the codecs, the wire and the server, as ratios",
        (
            "roundtrip",
            "fresh",
            "threads",
            "contended",
            "steady",
            "levels",
            "token",
            "sizes",
            "designs",
            "codecs",
            "wire",
            "serving",
            "latency",
            "standing",
            "handlers",
            "metrics",
            "dashboards",
            "fanout",
            "subscribers",
            "stalled",
            "merge",
        ),
    ),
    Suite(
        "memory",
        "make bench-memory",
        "What is allocated, what the collector takes, how large a server is",
        ("allocations", "collector", "footprint", "malloc"),
    ),
    Suite(
        "load",
        "make bench-load",
        "Frames a second, and how soon they are answered, up to too many",
        ("rising", "closed", "streams", "crowd", "overload"),
    ),
    Suite("peers", "make bench-peers", "Other servers at the same work", ("peers",)),
    Suite("soak", "make soak", "Whether a server stays as small as it is", ("soak",)),
)

SUITES: Final[Mapping[str, Suite]] = MappingProxyType({suite.name: suite for suite in _ALL})
