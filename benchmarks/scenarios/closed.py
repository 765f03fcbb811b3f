"""Clients that send again as soon as they are answered: 1 to 64 connections."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Chart, Outcome, Scenario
from benchmarks.serving import calls, load, scene
from benchmarks.serving.driven import Account, all_lost, driven, lowest_hit_rate, table
from benchmarks.serving.processes import Process, framesrv, grpc_target, started

_CONNECTIONS: Final = (1, 2, 4, 8, 16, 64)
_BATCH: Final = 25


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(_BATCH))
    with started(*framesrv(http="127.0.0.1:0")) as server:
        singly = _driven(bench, server, load.batches(frames, 1), bench.pick(3000, 8))
        batches = _driven(bench, server, load.batches(frames, _BATCH), bench.pick(200, 2))
    every = [*singly, *batches]
    return Outcome(
        [lowest_hit_rate("closed", every), all_lost("closed", every)],
        details=(
            table("Single frames, closed loop", "connections", singly),
            table("Batches of 25 frames, closed loop", "connections", batches),
        ),
        charts=(_chart({"single frames": singly, "batches of 25": batches}),),
        notes=(
            "Client and server share the machine. Refused calls come again when they are told to.",
        ),
    )


def _driven(bench: Bench, server: Process, messages: Sequence[bytes], count: int) -> list[Account]:
    target = grpc_target(server)
    calls.closed_loop(target, messages, max(2, count // 10), 2)  # warm
    step = partial(bench.progress.step, total=count)
    return [
        driven(
            server,
            str(connections),
            partial(calls.closed_loop, target, messages, count, connections, step),
        )
        for connections in _CONNECTIONS
    ]


def _chart(accounts: dict[str, list[Account]]) -> Chart:
    return Chart(
        "load-closed",
        "Frames a second, closed loop",
        "connections",
        "frames a second",
        series={
            name: [(int(row.label), row.outcomes.fps) for row in rows]
            for name, rows in accounts.items()
        },
        log_x=True,
    )


SCENARIO = Scenario("closed", "Clients that send as soon as they are answered", run)
