"""Ten times as much as the server can do, for a minute: it goes on doing nearly all it can, soon.

The work is heavy, so that ten times of it is still little to send: client and server share the
machine, and what the client takes is not the server's to give.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario
from benchmarks.serving import calls, load, scene
from benchmarks.serving.driven import Account, driven, table
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from framesrv.protocol.gen import frames_pb2 as pb

_CONNECTIONS: Final = 8
_SEED: Final = 48
_SIGMA: Final = 25  # the most that a pipeline may ask for


def run(bench: Bench) -> Outcome:
    messages = load.batches(load.encoded(scene.frames(8)), 1, _heavy())
    seconds = bench.pick(60.0, 0.5)
    with started(*framesrv(http="127.0.0.1:0")) as server:
        target = grpc_target(server)
        send = partial(calls.closed_loop, target, messages, connections=_CONNECTIONS)
        send(bench.pick(60, 4))  # warm
        peak = driven(server, "as fast as answered", partial(send, bench.pick(600, 6)))
        loaded = {
            times: _offered(bench, server, messages, peak.outcomes.fps * times, seconds)
            for times in (0.8, 10)
        }
    easy, hard = loaded[0.8], loaded[10]
    return Outcome(
        [
            Figure(
                "overload.goodput",
                "frames a second at 10 x what it can do / the most it can do",
                hard.outcomes.fps / peak.outcomes.fps,
            ),
            Figure(
                "overload.p99",
                "p99 of the accepted calls at 10 x / at 0.8 x",
                hard.ms(99) / easy.ms(99),
            ),
            Figure(
                "overload.lost",
                "calls without an answer or a typed refusal",
                sum(account.lost for account in (peak, easy, hard)),
                "",
            ),
        ],
        details=(
            table(f"Offered for {seconds:g} s, as strangers come", "load", [peak, easy, hard]),
        ),
        notes=(f"1280x720 JPEG to 1920x1080, blurred (sigma {_SIGMA}), 320x320, JPEG.",),
    )


def _offered(
    bench: Bench, server: Process, messages: Sequence[bytes], fps: float, seconds: float
) -> Account:
    number = max(8, round(fps * seconds))
    send = partial(
        calls.open_loop,
        grpc_target(server),
        messages,
        number,
        1 / fps,
        connections=_CONNECTIONS,
        seed=_SEED,
        step=partial(bench.progress.step, total=number),
    )
    return driven(server, f"{fps:,.0f} a second", send)


def _heavy() -> Any:
    return pb.Pipeline(
        outputs=[
            pb.Output(
                name="main",
                ops=[
                    pb.Op(resize=pb.Resize(width=1920, height=1080)),
                    pb.Op(blur=pb.Blur(sigma=_SIGMA)),
                    pb.Op(resize=pb.Resize(width=320, height=320)),
                ],
                encoding=pb.ENCODING_JPEG,
            )
        ]
    )


SCENARIO = Scenario("overload", "Ten times as much as the server can do", run)
