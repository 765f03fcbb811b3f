"""A thousand subscribers that take nothing: what they cost the publisher, those who do read, and
the server's memory, and whether each is told of all that it lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, publishing, scene
from benchmarks.serving.audience import SUBSCRIBE, Finished, finished
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from framesrv.streams.settings import FanOutSettings

_HEALTHY: Final = 10
_STALLED: Final = 1000
_FPS: Final = 100
# More than gRPC and the sockets take in before a listener that reads nothing stands still, and a
# queue. Until then each of the thousand costs as much as one that reads.
_WARM: Final = 40
_SETTLE_S: Final = 1.0
_PATIENT: Final = {"FRAMESRV_FAN_OUT_STALL_S": "3600"}


@dataclass(frozen=True, slots=True)
class Took:
    seconds: list[float]  # to each answer that the publisher gets, in order of size
    cpu_s: float  # of the server


@dataclass(slots=True)
class Found:
    ratios: dict[str, list[float]] = field(
        default_factory=lambda: {"p50": [], "p99": [], "cpu": []}
    )
    p99_ms: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    missed: int = 0  # by those who read
    gaps: int = 0  # that the stalled were told of
    lost: int = 0  # that nobody was told of
    each_bytes: list[float] = field(default_factory=list)  # of one that is stalled


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.small_frames(25))
    stalled, rounds = bench.pick(_STALLED, 20), bench.pick(7, 1)
    found = Found()
    with started(*framesrv(), env=_PATIENT) as server:
        audience_of = ("-m", "benchmarks.serving.audience", grpc_target(server), SUBSCRIBE)
        with started(*audience_of) as audience:
            one = _Round(bench, server, audience, frames, found)
            one.take(0, "warm")
            for number in range(rounds):
                took: dict[bool, Took] = {}
                for step, with_stalled in enumerate((True, False) if number % 2 else (False, True)):
                    bench.progress.step(2 * number + step, 2 * rounds)
                    name = f"stream-{number}-{with_stalled}"
                    took[with_stalled] = one.take(stalled if with_stalled else 0, name)
                _note(found, took)
        queue_bytes = _queue_bytes(publishing.told(grpc_target(server), frames))
    return _outcome(found, stalled, queue_bytes)


@dataclass(frozen=True, slots=True)
class _Round:
    bench: Bench
    server: Process
    audience: Process
    frames: Sequence[Any]
    found: Found

    def take(self, stalled: int, stream_id: str) -> Took:
        count, warm = self.bench.pick(500, 5), _WARM
        ask, before = self.audience.ask, self.server.resident_bytes()
        ask(f"join {stream_id} {_HEALTHY}")
        if stalled:
            ask(f"join {stream_id} {stalled} stalled")
        with publishing.to_framesrv(grpc_target(self.server), self.frames, stream_id) as publisher:
            publisher.publish(warm, 1 / _FPS)
            threading.Event().wait(self.bench.pick(_SETTLE_S, 0.1))
            cpu_s = self.server.cpu_s()
            seconds = publisher.publish(count, 1 / _FPS)
            cpu_s = self.server.cpu_s() - cpu_s
            if stalled:
                grown = self.server.resident_bytes() - before
                self.found.each_bytes.append(grown / stalled)
        self._check(finished(ask("finish")), warm + count)
        ask("leave")
        return Took(sorted(seconds), cpu_s)

    def _check(self, told: Finished, published: int) -> None:
        found = self.found
        for frames, missed in told["stalled"]:
            found.gaps += missed
            found.lost += abs(published - frames - missed)
        for frames, missed in told["reading"]:
            found.missed += missed
            found.lost += abs(published - frames - missed)


def _note(found: Found, took: dict[bool, Took]) -> None:
    for key, percent in (("p50", 50), ("p99", 99)):
        with_s, without_s = (percentile(took[way].seconds, percent) for way in (True, False))
        found.ratios[key].append(with_s / without_s)
        if percent == 99:
            found.p99_ms[True].append(with_s * 1e3)
            found.p99_ms[False].append(without_s * 1e3)
    found.ratios["cpu"].append(took[True].cpu_s / took[False].cpu_s)


def _queue_bytes(messages: Sequence[bytes]) -> float:
    return FanOutSettings().queue_frames * sum(map(len, messages)) / len(messages)


def _outcome(found: Found, stalled: int, queue_bytes: float) -> Outcome:
    with_ms, without_ms = (Spread.of(found.p99_ms[way]).median for way in (True, False))
    what = f"with {stalled:,} stalled subscribers and {_HEALTHY} others / with the others alone"
    of = {"p50": "a publisher's p50", "p99": "a publisher's p99", "cpu": "the server's CPU"}
    here = {"p99": f"{with_ms:.2f} ms with, {without_ms:.2f} ms without"}
    figures = [
        Figure.ratio(f"stalled.{key}", f"{of[key]} {what}", Spread.of(ratios), here.get(key, ""))
        for key, ratios in found.ratios.items()
    ]
    # Of the first round: later ones use again what it left.
    each_bytes = found.each_bytes[0]
    figures += [
        Figure("stalled.missed", f"frames that the {_HEALTHY} others missed", found.missed, ""),
        Figure(
            "stalled.lost",
            "frames published, less delivered and told as gaps, of all subscribers",
            found.lost,
            "",
            here=f"{found.gaps:,} in gaps",
        ),
        Figure(
            "stalled.memory",
            "resident memory that one of them adds / the bytes of its queue",
            each_bytes / queue_bytes,
            here=f"{each_bytes / 1024:,.0f} KiB of {queue_bytes / 1024:,.0f}",
        ),
    ]
    note = (
        f"{_FPS} frames a second of 320x320. Stalled: subscribed, and nothing is read until the "
        "stream has ended; then all that waits, gaps included."
    )
    return Outcome(figures, notes=(note,))


SCENARIO = Scenario("stalled", "A thousand subscribers that take nothing", run)
