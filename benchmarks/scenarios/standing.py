"""What a server and its doctor take to start, and whether memory stays where it is."""

from __future__ import annotations

import subprocess
import sys
from time import perf_counter

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, scene
from benchmarks.serving.processes import framesrv, grpc_target, started


def run(bench: Bench) -> Outcome:
    return Outcome([_start(bench), _doctor(bench), _memory(bench)])


def _start(bench: Bench) -> Figure:
    seconds = []
    for number in range(bench.pick(9, 1)):
        bench.progress.step(number, 10)
        began = perf_counter()
        with started(*framesrv()):
            seconds.append(perf_counter() - began)
    spread = Spread.of(seconds)
    return Figure(
        "standing.start", "start to the ready line", spread.median, "s", spread.low, spread.high
    )


def _doctor(bench: Bench) -> Figure:
    seconds = []
    for _ in range(bench.pick(9, 1)):
        began = perf_counter()
        subprocess.run(
            [sys.executable, "-m", "framesrv", "doctor"], check=True, stdout=subprocess.DEVNULL
        )
        seconds.append(perf_counter() - began)
    spread = Spread.of(seconds)
    return Figure(
        "standing.doctor", "framesrv doctor, all of it", spread.median, "s", spread.low, spread.high
    )


def _memory(bench: Bench) -> Figure:
    early, late = bench.pick(1_000, 50), bench.pick(100_000, 100)
    batches = load.batches(load.encoded(scene.frames(25)), 25)
    with started(*framesrv()) as server:
        target = grpc_target(server)
        load.closed_loop(target, batches, early // 25, 2).check()
        before = server.resident_bytes()
        bench.progress.step(1, 2)
        load.closed_loop(target, batches, (late - early) // 25, 2).check()
        after = server.resident_bytes()
    return Figure(
        "standing.memory",
        f"resident memory after {late:,} frames / after {early:,}",
        after / before,
        here=f"{after / 2**20:.0f} MiB",
    )


SCENARIO = Scenario("standing", "Starting, and staying as small", run)
