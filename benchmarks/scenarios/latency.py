"""How soon an answer comes, and whether more workers than cores do harm."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import calls, load, scene
from benchmarks.serving.processes import framesrv, grpc_target, started

_FPS: Final = 48
_BATCH: Final = 25


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(_BATCH))
    with started(*framesrv()) as server:
        target = grpc_target(server)
        load.streamed(target, frames, 50)  # warm
        bench.progress.step(0, 3)
        one = load.streamed(
            target, frames, bench.pick(1500, 30), window=64, interval_s=1 / _FPS
        ).seconds
        bench.progress.step(1, 3)
        batches = calls.open_loop(
            target, load.batches(frames, _BATCH), bench.pick(60, 3), _BATCH / _FPS, connections=1
        )
        batches.check()
    bench.progress.step(2, 3)
    return Outcome(
        [
            _ms("stream_p50", "one stream at 48 FPS, 720p JPEGs: p50", one, 50),
            _ms("stream_p99", "one stream at 48 FPS, 720p JPEGs: p99", one, 99),
            _ms("batch_p99", "batches of 25 offered at 48 FPS: p99", batches.seconds, 99),
            _workers(bench),
        ]
    )


def _ms(key: str, what: str, seconds: list[float], percent: float) -> Figure:
    return Figure(f"latency.{key}", what, percentile(sorted(seconds), percent) * 1e3, "ms")


def _workers(bench: Bench) -> Figure:
    """Frames a second of the whole machine, client included, with more threads than cores."""
    batches = load.batches(load.encoded(scene.frames(_BATCH)), _BATCH)
    rates: dict[str, list[float]] = {"2": [], "4": []}
    with ExitStack() as running:
        targets = {
            count: grpc_target(running.enter_context(started(*framesrv("--workers", count))))
            for count in rates
        }
        for _ in range(bench.pick(7, 2)):
            for count, target in targets.items():
                tally = load.closed_loop(target, batches, bench.pick(12, 2), 3)
                tally.check()
                rates[count].append(tally.frames / tally.elapsed_s)
    ratios = [four / two for four, two in zip(rates["4"], rates["2"], strict=True)]
    return Figure.ratio(
        "latency.workers",
        "frames a second with 4 workers / with 2",
        Spread.of(ratios),
        f"{Spread.of(rates['2']).median:.0f} a second with 2",
    )


SCENARIO = Scenario("latency", "How soon an answer comes", run)
