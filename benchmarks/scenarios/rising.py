"""Batches of 25 frames offered at more and more frames a second, until one in a hundred is late.

The first rate is the classic one of a load test with video: 48 frames a second, 1,000 requests.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Chart, Figure, Outcome, Scenario
from benchmarks.serving import calls, load, scene
from benchmarks.serving.driven import Account, all_lost, driven, lowest_hit_rate, table
from benchmarks.serving.processes import framesrv, grpc_target, started

_STEP_FPS: Final = 48
_STEPS_MAX: Final = 100  # whatever the machine, the load ends
_BATCH: Final = 25
_LATE_MS: Final = 300


def run(bench: Bench) -> Outcome:
    batches = load.batches(load.encoded(scene.frames(_BATCH)), _BATCH)
    accounts: dict[int, Account] = {}  # by frames a second
    with started(*framesrv(http="127.0.0.1:0")) as server:
        target = grpc_target(server)
        calls.closed_loop(target, batches, bench.pick(40, 2), 2)  # warm
        for step in range(1, bench.pick(_STEPS_MAX, 2) + 1):
            fps = step * _STEP_FPS
            requests = bench.pick(1000 if step == 1 else 200, 3)
            send = partial(
                calls.open_loop,
                target,
                batches,
                requests,
                _BATCH / fps,
                step=partial(bench.progress.step, total=requests),
            )
            accounts[fps] = driven(server, str(fps), send)
            if _is_too_much(accounts[fps]):
                break
    rows = list(accounts.values())
    return Outcome(
        [
            Figure("rising.p99_48", "48 frames a second: p99", rows[0].ms(99), "ms"),
            _sustained(accounts),
            lowest_hit_rate("rising", rows),
            all_lost("rising", rows),
        ],
        details=(table(SCENARIO.title, "offered/s", rows),),
        charts=(_chart(accounts),),
    )


def _is_too_much(account: Account) -> bool:
    return account.ms(99) > _LATE_MS or account.refused > 0


def _sustained(accounts: dict[int, Account]) -> Figure:
    fine = [fps for fps, account in accounts.items() if not _is_too_much(account)]
    return Figure(
        "rising.sustained",
        f"the most frames a second with a p99 within {_LATE_MS} ms, none refused",
        max(fine, default=0),
        "",
    )


def _chart(accounts: dict[int, Account]) -> Chart:
    return Chart(
        "load-rising",
        "Batches of 25 frames: time to the answer",
        "frames offered a second",
        "ms",
        series={
            f"p{percent:g}": [(fps, account.ms(percent)) for fps, account in accounts.items()]
            for percent in (50, 95, 99)
        },
        marks={f"{_LATE_MS} ms": _LATE_MS},
        log_y=True,
    )


SCENARIO = Scenario("rising", "Batches of 25 frames, offered faster and faster", run)
