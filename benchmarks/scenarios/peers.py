"""framesrv beside other servers at the same work.

One peer runs at a time: idle, some still take a tenth of a core and more. In each of its rounds
it and framesrv take turns on the same frames, so that the ratios are of one moment, and the
nearest peer of all is what framesrv is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from threading import Event
from time import perf_counter
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Outcome, Scenario
from benchmarks.peers import clients, findings
from benchmarks.peers.findings import Beside, Cost, Found
from benchmarks.peers.roster import PEERS, Peer, require
from benchmarks.peers.running import DidNotStart, Running, running
from benchmarks.serving import load, scene
from benchmarks.serving.load import Tally
from benchmarks.serving.processes import Process, framesrv, grpc_target, started

_FRAMES: Final = 25
_LOOPS: Final = {
    "pooled loop, in process": ("pooled",),
    "plain OpenCV loop, in process": ("plain",),
    "plain OpenCV loop, OpenCV's threads": ("plain", "threads"),
}
Send = Callable[[], Tally]


def run(bench: Bench) -> Outcome:
    require(PEERS)
    frames = scene.frames(_FRAMES)
    measured: list[Beside] = []
    absent: dict[str, str] = {}
    steps = len(PEERS) + 1
    with started(*framesrv()) as server:
        ours = _our_ways(server, frames, bench)
        for number, peer in enumerate(PEERS):
            bench.progress.step(number, steps)
            try:
                measured.append(_beside(bench, peer, server, ours, frames))
            except DidNotStart as reason:
                absent[peer.name] = str(reason)
        resident = server.resident_bytes()
    if not any(beside.peer.judged for beside in measured):
        raise RuntimeError(f"no peer started: {absent}")
    bench.progress.step(len(PEERS), steps)
    found = Found(measured, absent, _loops(bench), resident, version("framesrv"))
    return Outcome(
        findings.figures(found),
        notes=findings.notes(found),
        details=[findings.table(found)],
        charts=[findings.chart(found)],
    )


def _our_ways(server: Process, frames: Sequence[bytes], bench: Bench) -> dict[str, Send]:
    """How frames are sent to framesrv; single frames by the loop that drives the peers."""
    target = grpc_target(server)
    port = int(target.rpartition(":")[2])
    messages = load.encoded(frames)
    batches = load.batches(messages, _FRAMES)
    many, few = bench.pick(200, 16), bench.pick(8, 1)
    ways: dict[str, Send] = {
        "unary": lambda: clients.closed_loop(clients.over_grpc, port, frames, many),
        "stream": lambda: _streamed(target, messages, many),
        "batch": lambda: load.closed_loop(target, batches, few, 2),
    }
    with clients.over_grpc(port, frames) as ask:
        clients.check(ask(0))
    for send in ways.values():
        send()  # warm
    return ways


def _streamed(target: str, messages: Sequence[object], many: int) -> Tally:
    began = perf_counter()
    tally = load.streamed(target, messages, many)
    tally.elapsed_s = perf_counter() - began
    return tally


def _beside(
    bench: Bench, peer: Peer, server: Process, ours: dict[str, Send], frames: Sequence[bytes]
) -> Beside:
    many, rounds = bench.pick(200, 16), bench.pick(7, 1)
    with running(peer, frames) as process:

        def theirs() -> Tally:
            try:
                return clients.closed_loop(peer.connect, process.port, frames, many)
            except Exception as error:
                raise DidNotStart(f"it did, but failed under load: {error}") from error

        theirs()  # warm
        idle = _idle(process, bench.pick(2.0, 0.2))
        costs = {name: Cost() for name in (*ours, "theirs")}
        order = list(costs)
        for _ in range(rounds):
            for name in order:
                measure = process if name == "theirs" else server
                _add(costs[name], measure, theirs if name == "theirs" else ours[name])
            order.append(order.pop(0))  # nobody always runs after the same neighbour
        cost = costs.pop("theirs")
        return Beside(peer, cost, costs, process.resident_bytes(), idle)


def _add(cost: Cost, process: Process | Running, send: Send) -> None:
    before = process.cpu_s()
    tally = send()
    spent_s = process.cpu_s() - before
    tally.check()
    cost.cpu_us.append(spent_s / tally.frames * 1e6)
    cost.rates.append(tally.frames / tally.elapsed_s)
    cost.seconds += tally.seconds


def _idle(process: Running, seconds: float) -> float:
    before = process.cpu_s()
    Event().wait(seconds)
    return (process.cpu_s() - before) / seconds


def _loops(bench: Bench) -> dict[str, list[float]]:
    many, rounds = bench.pick(200, 16), bench.pick(7, 1)
    costs: dict[str, list[float]] = {name: [] for name in _LOOPS}
    with ExitStack() as running_loops:
        loops = {
            name: running_loops.enter_context(started("-m", "benchmarks.serving.inprocess", *words))
            for name, words in _LOOPS.items()
        }
        for _ in range(rounds):
            for name, loop in loops.items():
                costs[name].append(float(loop.ask(str(many))))
    return costs


SCENARIO = Scenario("peers", "Other servers at the same work", run)
