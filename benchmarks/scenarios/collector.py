"""What the garbage collector takes under load, and whether tuning it helps.

The same server five times, in turns on the same calls: as Python comes, as ``framesrv serve``
sets it, and three ways that were not taken. The clock is that of the collecting thread, as in the
server's own metric: on the wall a pause also holds the turns of other threads and programs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario, Table
from benchmarks.serving import load, scene
from benchmarks.serving.processes import Process, grpc_target, started

_BATCH: Final = 25
_OURS: Final = "framesrv"
_WAYS: Final[Mapping[str, str]] = {
    "plain": "as Python comes",
    _OURS: "framesrv",
    "frozen": "what is loaded left out",
    "seldom": "and thresholds 50,000, 20, 100",
    "off": "and switched off",
}
_COLUMNS: Final = (
    "", "collections", "full ones", "p99 ms", "longest ms", "longest on the wall",
    "us a frame", "objects a frame", "forced full one ms", "grown MiB",
)  # fmt: skip


@dataclass(slots=True)
class Seen:
    own_ms: list[float] = field(default_factory=list)
    wall_ms: list[float] = field(default_factory=list)
    full: int = 0
    objects: int = 0
    frames: int = 0
    forced_ms: float = 0.0
    grown_bytes: int = 0

    def add(self, told: str) -> None:
        for generation, own_ns, wall_ns, objects in json.loads(told):
            self.own_ms.append(own_ns / 1e6)
            self.wall_ms.append(wall_ns / 1e6)
            self.full += generation == 2
            self.objects += objects


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(_BATCH))
    seen = {way: Seen() for way in _WAYS}
    rounds = bench.pick(3, 1)
    with ExitStack() as running:
        servers = {
            way: running.enter_context(started("-m", "benchmarks.serving.collected", way))
            for way in _WAYS
        }
        before = {way: _warm(server, frames) for way, server in servers.items()}
        for number in range(rounds):
            for turn, (way, server) in enumerate(servers.items()):
                bench.progress.step(number * len(servers) + turn, rounds * len(servers))
                for send in _calls(grpc_target(server), frames, bench):
                    tally = send()
                    tally.check()
                    seen[way].frames += tally.frames
                seen[way].add(server.ask("taken"))
        for way, server in servers.items():
            seen[way].grown_bytes = server.resident_bytes() - before[way]
            seen[way].forced_ms = max(own for _, own, *_ in json.loads(server.ask("full"))) / 1e6
    table = Table("Collections", _COLUMNS, [_row(way, seen[way]) for way in _WAYS])
    return Outcome(_figures(seen), notes=(_NOTE,), details=(table,))


def _warm(server: Process, frames: Sequence[object]) -> int:
    load.closed_loop(grpc_target(server), load.batches(frames, _BATCH), 6, 2).check()
    load.streams(grpc_target(server), frames, 4, 8)
    server.ask("taken")
    return server.resident_bytes()


def _calls(
    target: str, frames: Sequence[object], bench: Bench
) -> tuple[Callable[[], load.Tally], ...]:
    """Unary calls leave the most garbage behind, and many streams at once the most objects."""
    batches, singles = load.batches(frames, _BATCH), load.batches(frames, 1)
    many = bench.pick(600, 25)
    return (
        lambda: load.closed_loop(target, batches, many // _BATCH, 2),
        lambda: load.closed_loop(target, singles, many, 4),
        lambda: load.streamed(target, frames, many),
        lambda: load.streams(target, frames, bench.pick(200, 20), many),
    )


def _figures(seen: Mapping[str, Seen]) -> list[Figure]:
    figures = []
    for way, label in _WAYS.items():
        end = "" if way == _OURS else f"_{way}"
        own = sorted(seen[way].own_ms) or [0.0]
        wall = sorted(seen[way].wall_ms) or [0.0]
        for name, percent in {"p99": 99, "longest": 100}.items():
            here = f"{percentile(wall, percent):.2f} ms on the wall"
            value = percentile(own, percent)
            figures.append(
                Figure(f"collector.{name}{end}", f"{label}: {name}", value, "ms", here=here)
            )
    return figures


def _row(way: str, seen: Seen) -> tuple[str, ...]:
    own = sorted(seen.own_ms) or [0.0]
    return (
        _WAYS[way],
        f"{len(seen.own_ms)}",
        f"{seen.full}",
        f"{percentile(own, 99):.3f}",
        f"{own[-1]:.3f}",
        f"{max(seen.wall_ms, default=0.0):.3f}",
        f"{sum(own) / seen.frames * 1e3:.1f}",
        f"{seen.objects / seen.frames:.1f}",
        f"{seen.forced_ms:.1f}",
        f"{seen.grown_bytes / 2**20:.1f}",
    )


_NOTE: Final = (
    "The garbage is gRPC's, some ten objects a call; frames leave none. With the thresholds "
    "raised, one collection does the work of many, in one pause; switched off, it all stays. "
    "framesrv leaves out what is loaded, and looks at fewer objects at a time (ADR 0016)."
)
SCENARIO = Scenario("collector", "What the garbage collector takes", run)
