"""What each subscriber of a stream costs the server, beside a server that does nothing but send.

Both get the same messages at the same pace, for one listener and for a hundred; the difference is
what the other ninety-nine cost. Whoever listens is another process, so that the server's CPU is
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import count
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, publishing, scene
from benchmarks.serving.audience import SUBSCRIBE
from benchmarks.serving.handlers import SERVICE
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from benchmarks.serving.publishing import Publisher

_FEW: Final = 1
_MANY: Final = 100
_FPS: Final = 30
_OURS, _BARE = "framesrv", "bare"
_NUMBERS: Final = count()


class Stage:
    """A server, and those who listen to it."""

    def __init__(
        self,
        server: Process,
        audience: Process,
        publisher: Callable[[str], AbstractContextManager[Publisher]],
    ) -> None:
        self._server = server
        self._audience = audience
        self._publisher = publisher

    def cost_us(self, listeners: int, frames: int, warm: int) -> float:
        """The server's CPU a frame."""
        stream_id = f"stream-{next(_NUMBERS)}"
        ask = self._audience.ask
        ask(f"join {stream_id} {listeners}")
        with self._publisher(stream_id) as publisher:
            publisher.publish(warm, 1 / _FPS)
            ask(f"until {warm}")
            before_s = self._server.cpu_s()
            publisher.publish(frames, 1 / _FPS)
            ask(f"until {warm + frames}")
            cost_s = self._server.cpu_s() - before_s
        ask("leave")
        return cost_s / frames * 1e6


def run(bench: Bench) -> Outcome:
    frames, warm = bench.pick(60, 3), bench.pick(10, 1)
    rounds = bench.pick(9, 1)
    each: dict[str, list[float]] = {_OURS: [], _BARE: []}
    with ExitStack() as running:
        stages = _stages(running)
        order = list(stages)
        for number in range(rounds):
            bench.progress.step(number, rounds)
            for name in order:
                many, few = (stages[name].cost_us(n, frames, warm) for n in (_MANY, _FEW))
                each[name].append((many - few) / (_MANY - _FEW))
            order.reverse()
    return _outcome(each)


def _stages(running: ExitStack) -> Mapping[str, Stage]:
    start = running.enter_context
    server = start(started(*framesrv()))
    bare = start(started("-m", "benchmarks.serving.handlers", "aio"))
    target, bare_target = grpc_target(server), grpc_target(bare)
    frames = load.encoded(scene.small_frames(25))
    messages = publishing.told(target, frames)

    def audience(of: str, method: str) -> Process:
        return start(started("-m", "benchmarks.serving.audience", of, method))

    return {
        _OURS: Stage(
            server,
            audience(target, SUBSCRIBE),
            partial(publishing.to_framesrv, target, frames),
        ),
        _BARE: Stage(
            bare,
            audience(bare_target, f"/{SERVICE}/Listen"),
            lambda _: publishing.to_bare(bare_target, messages),
        ),
    }


def _outcome(each: Mapping[str, list[float]]) -> Outcome:
    ours, bare = Spread.of(each[_OURS]), Spread.of(each[_BARE])
    ratio = Spread.of([a / b for a, b in zip(each[_OURS], each[_BARE], strict=True)])
    what = f"one of {_MANY} subscribers of a 320x320 JPEG stream"
    note = (
        f"CPU of the server at {_MANY} listeners less that at {_FEW}, for each of those more, at "
        f"{_FPS} frames a second."
    )
    return Outcome(
        [
            Figure("subscribers.each", f"CPU a frame, {what}", *_us(ours)),
            Figure("subscribers.bare", "the same, of a server that only sends", *_us(bare)),
            Figure.ratio("subscribers.ratio", f"{what} / of a server that only sends", ratio),
        ],
        notes=(note,),
    )


def _us(spread: Spread) -> tuple[float, str, float, float]:
    return spread.median, "us", spread.low, spread.high


SCENARIO = Scenario("subscribers", "A stream's hundredth subscriber", run)
