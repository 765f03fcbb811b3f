"""What a frame costs the server, in times of the same work without one.

All servers and loops of a round run one after the other on the same frames, so that a busy
machine slows them alike; server CPU is what the operating system counted for its process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, scene
from benchmarks.serving.load import Tally
from benchmarks.serving.processes import Process, framesrv, grpc_target, started

_FRAMES: Final = 25
Cost = Callable[[], float]  # microseconds of CPU a frame

_LABELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "batch": ("batch", "limit", "batches of 25 over gRPC / pooled in-process loop"),
    "unary": ("unary", "limit", "single frames, unary / pooled in-process loop"),
    "stream": ("stream", "limit", "single frames, stream / pooled in-process loop"),
    "plain": ("batch", "plain", "batches of 25 / plain OpenCV loop in process"),
    "raw": ("raw", "raw_loop", "raw 640x360 BGR, batches of 25 / its in-process loop"),
    "streams_100": ("streams_100", "streams_1", "CPU a frame at 100 streams / at 1 stream"),
    "peer_unary": ("peer_unary", "unary", "plain grpcio / framesrv, single frames"),
    "peer_batch": ("peer_batch", "batch", "plain grpcio / framesrv, batches of 25"),
}


def run(bench: Bench) -> Outcome:
    with ExitStack() as running:
        costs = _costs(bench, running)
        measured: dict[str, list[float]] = {name: [] for name in costs}
        rounds = bench.pick(9, 1)
        for number in range(rounds):
            bench.progress.step(number, rounds)
            for name, cost in costs.items():
                measured[name].append(cost())
    return Outcome([_figure(key, measured) for key in _LABELS], notes=(_note(measured),))


def _costs(bench: Bench, running: ExitStack) -> dict[str, Cost]:
    start = running.enter_context
    server = start(started(*framesrv()))
    peer = start(started("-m", "benchmarks.peers.grpcio_server"))
    loops = {
        name: start(started("-m", "benchmarks.serving.inprocess", name))
        for name in ("pooled", "plain", "raw_pooled")
    }
    frames = load.encoded(scene.frames(_FRAMES))
    singles, batches = load.batches(frames, 1), load.batches(frames, _FRAMES)
    raw = load.batches(load.raw(scene.raw_frames(_FRAMES)), _FRAMES)
    many, few = bench.pick(200, 25), bench.pick(8, 1)
    target, peer_target = grpc_target(server), grpc_target(peer)

    def looped(name: str) -> Cost:
        return lambda: float(loops[name].ask(str(many)))

    def served(process: Process, send: Callable[[], Tally]) -> Cost:
        send()  # warm
        return lambda: _cost_us(process, send)

    return {
        "limit": looped("pooled"),
        "plain": looped("plain"),
        "raw_loop": looped("raw_pooled"),
        "batch": served(server, lambda: load.closed_loop(target, batches, few, 2)),
        "unary": served(server, lambda: load.closed_loop(target, singles, many, 4)),
        "stream": served(server, lambda: load.streamed(target, frames, many)),
        "raw": served(server, lambda: load.closed_loop(target, raw, few, 2)),
        "streams_1": served(server, lambda: load.streams(target, frames, 1, many)),
        "streams_100": served(server, lambda: load.streams(target, frames, 100, many)),
        "peer_unary": served(peer, lambda: load.closed_loop(peer_target, singles, many, 4)),
        "peer_batch": served(peer, lambda: load.closed_loop(peer_target, batches, few, 2)),
    }


def _cost_us(process: Process, send: Callable[[], Tally]) -> float:
    before = process.cpu_s()
    tally = send()
    cost_s = process.cpu_s() - before
    tally.check()
    return cost_s / tally.frames * 1e6


def _figure(key: str, measured: Mapping[str, list[float]]) -> Figure:
    mine, base, what = _LABELS[key]
    ratios = [m / b for m, b in zip(measured[mine], measured[base], strict=True)]
    here = f"{Spread.of(measured[mine]).median:,.0f} us"
    return Figure.ratio(f"serving.{key}", what, Spread.of(ratios), here)


def _note(measured: Mapping[str, list[float]]) -> str:
    limit, plain = (Spread.of(measured[name]).median for name in ("limit", "plain"))
    return (
        f"1280x720 JPEG to 640x360, 320x320, RGBA and JPEG; the pooled loop takes {limit:,.0f} us "
        f"of CPU a frame here, the plain one {plain:,.0f} us."
    )


SCENARIO = Scenario("serving", "A frame over gRPC, beside the same work in process", run)
