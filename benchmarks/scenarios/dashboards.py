"""Fifty open dashboards: what each costs the server, and whether a frame is later for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import calls, load, scene
from benchmarks.serving.processes import Process, framesrv, grpc_target, http_target, started
from benchmarks.serving.readers import Heard, reading

_READERS: Final = 50
_STREAMS: Final = 50  # as many as a snapshot shows: it is as large as it becomes
_FPS: Final = 48


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(25))
    shares: list[float] = []
    sizes: list[float] = []
    with started(*framesrv(http="127.0.0.1:0")) as server:
        target = grpc_target(server)
        idle = partial(_idle, bench, server, shares, sizes)
        calls.open_streams(target, frames, _STREAMS, 1, 1, meanwhile=idle())
        ratios = _late(bench, server, frames)
    each = Spread.of(shares)
    figures = [
        Figure(
            "dashboards.each",
            f"CPU for each of {_READERS} open dashboards, of one core",
            each.median * 100,
            "%",
            each.low * 100,
            each.high * 100,
            here=f"{each.median * 1e6:,.0f} us a second",
        ),
        *(
            Figure.ratio(
                f"dashboards.{key}",
                f"one stream at {_FPS} FPS: {key} with {_READERS} dashboards / without",
                Spread.of(values),
            )
            for key, values in ratios.items()
        ),
    ]
    note = (
        f"The CPU is that of the server with {_STREAMS} open streams and nothing else to do, with "
        f"dashboards less without. A snapshot has {Spread.of(sizes).median / 1024:,.0f} KiB."
    )
    return Outcome(figures, notes=(note,))


@contextmanager
def _idle(bench: Bench, server: Process, shares: list[float], sizes: list[float]) -> Iterator[None]:
    """In turns, with and without, so that what else the server does falls out."""
    rounds, window_s = bench.pick(7, 1), bench.pick(5.0, 1.0)
    for number in range(rounds):
        bench.progress.step(number, 2 * rounds)
        without_s = _cpu_s(server, window_s)
        with reading(http_target(server), _READERS) as heard:
            before_bytes, before = heard.nbytes, heard.snapshots
            with_s = _cpu_s(server, window_s)
            _note_size(sizes, heard, before_bytes, before)
        shares.append((with_s - without_s) / window_s / _READERS)
    yield


def _note_size(sizes: list[float], heard: Heard, nbytes: int, snapshots: int) -> None:
    sizes.append((heard.nbytes - nbytes) / max(1, heard.snapshots - snapshots))


def _cpu_s(server: Process, window_s: float) -> float:
    before_s = server.cpu_s()
    threading.Event().wait(window_s)
    return server.cpu_s() - before_s


def _late(bench: Bench, server: Process, frames: list[object]) -> dict[str, list[float]]:
    ratios: dict[str, list[float]] = {"p50": [], "p99": []}
    rounds = bench.pick(7, 1)
    target, count = grpc_target(server), bench.pick(8 * _FPS, 20)
    load.streamed(target, frames, count, window=64, interval_s=1 / _FPS)  # warm
    for number in range(rounds):
        bench.progress.step(rounds + number, 2 * rounds)
        took_s: dict[bool, list[float]] = {}
        for watched in (True, False) if number % 2 else (False, True):
            with reading(http_target(server), _READERS) if watched else nullcontext():
                tally = load.streamed(target, frames, count, window=64, interval_s=1 / _FPS)
            tally.check()
            took_s[watched] = sorted(tally.seconds)
        for key, percent in (("p50", 50), ("p99", 99)):
            ratios[key].append(
                percentile(took_s[True], percent) / percentile(took_s[False], percent)
            )
    return ratios


SCENARIO = Scenario("dashboards", "Fifty open dashboards", run)
