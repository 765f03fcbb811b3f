"""Many streams open, of which at most 50 send: what the silent ones cost."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Chart, Outcome, Scenario
from benchmarks.serving import calls, load, scene
from benchmarks.serving.driven import Account, Meter, all_lost, lowest_hit_rate, table
from benchmarks.serving.processes import framesrv, grpc_target, started

_STREAMS: Final = (1, 10, 100, 1000)
_ACTIVE_MAX: Final = 50


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(25))
    count = bench.pick(3000, 50)
    accounts: list[Account] = []
    with started(*framesrv(http="127.0.0.1:0")) as server:
        target = grpc_target(server)
        step = partial(bench.progress.step, total=count)
        send = partial(calls.open_streams, target, frames, step=step)
        send(2, 2, bench.pick(300, 4), meanwhile=nullcontext())  # warm
        for number in _STREAMS:
            active = min(number, _ACTIVE_MAX)
            meter = Meter(server)
            outcomes = send(number, active, count, meanwhile=meter)
            accounts.append(meter.account(f"{number} ({active})", outcomes))
    return Outcome(
        [lowest_hit_rate("streams", accounts), all_lost("streams", accounts)],
        details=(
            table("Streams, a frame at a time on each active one", "open (active)", accounts),
        ),
        charts=(_chart(accounts),),
    )


def _chart(accounts: list[Account]) -> Chart:
    return Chart(
        "load-streams",
        "Single frames on streams: server CPU a frame",
        "us of CPU a frame",
        "",
        bars={f"{row.label} streams": row.cpu_us for row in accounts},
    )


SCENARIO = Scenario("streams", "1 to 1,000 streams, of which 50 are active", run)
