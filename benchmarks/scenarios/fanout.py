"""What one frame costs its publisher: a queue for each subscriber, or a place in one list."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from benchmarks.harness import Bench, timed
from benchmarks.loops import Loop
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.streams.dispatcher import Dispatcher, Publication
from framesrv.streams.news import Clone
from framesrv.streams.settings import FanOutSettings
from framesrv.streams.subscription import Subscription

QUEUE: int = 16
CROWDS: tuple[tuple[int, int], ...] = ((10, 0), (10, 1000), (100, 0))  # that keep up, that stall


class Queued:
    """The rival: a bounded queue that whoever publishes fills, and that counts what falls out."""

    def __init__(self) -> None:
        self._queue: deque[Clone] = deque()
        self.fallen = 0

    def offer(self, clone: Clone) -> None:
        if len(self._queue) == QUEUE:
            self._queue.popleft()
            self.fallen += 1
        self._queue.append(clone)

    def take(self) -> Clone:
        return self._queue.popleft()


def queues(healthy: int, stalled: int) -> Loop:
    takers = [Queued() for _ in range(healthy)]
    everybody = [*takers, *(Queued() for _ in range(stalled))]

    def loop(cycles: int) -> None:
        for _ in range(cycles):
            clone = Clone("stream", b"")
            for one in everybody:
                one.offer(clone)
            for taker in takers:
                taker.take()

    return loop


def places(healthy: int, stalled: int) -> Loop:
    dispatcher = Dispatcher(FanOutSettings(queue_frames=QUEUE, max_subscribers=10_000))
    publication: Publication = dispatcher.start("stream")
    takers = [dispatcher.subscribe(["stream"], 0, _nothing) for _ in range(healthy)]
    for _ in range(stalled):
        dispatcher.subscribe(["stream"], 0, _nothing)

    def loop(cycles: int) -> None:
        for _ in range(cycles):
            publication.publish((Clone("stream", b""),))
            for taker in takers:
                _take_all(taker)

    return loop


def _take_all(taker: Subscription) -> None:
    while taker.take():
        pass


def _nothing() -> None:
    pass


DESIGNS: dict[str, Callable[[int, int], Loop]] = {"queues": queues, "places": places}


def run(bench: Bench) -> Outcome:
    measured = bench.compare(
        {
            f"{name}_{healthy}_{stalled}": timed(make(healthy, stalled))
            for name, make in DESIGNS.items()
            for healthy, stalled in CROWDS
        },
        baseline="queues_10_0",
    )
    said = {"queues": "a queue for each", "places": "a place in one list"}
    return Outcome(
        [
            Figure.ratio(
                f"fanout.{name}_{healthy}_{stalled}",
                f"{said[name]}: {healthy} keep up, {stalled} stall",
                measured[f"{name}_{healthy}_{stalled}"].ratio,
                measured[f"{name}_{healthy}_{stalled}"].here,
            )
            for name in DESIGNS
            for healthy, stalled in CROWDS
        ],
        notes=("Time to publish one frame and to take it, in times of ten queues.",),
    )


SCENARIO = Scenario("fanout", "two designs of the fan-out", run)
