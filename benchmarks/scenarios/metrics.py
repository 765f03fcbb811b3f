"""What it costs a server that somebody reads its metrics once a second.

Two servers get the same frames in turns: one whose HTTP listener is scraped, one without a
listener. Each pair is started anew a few times, since two processes of the same program differ
by a little for as long as they live.
"""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from time import perf_counter
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, scene
from benchmarks.serving.processes import Process, framesrv, grpc_target, http_target, started
from framesrv.engine.meter import Meter
from framesrv.frames.work import FrameReport, FrameStatus

_BATCH: Final = 25
_EVERY_S: Final = 1.0
_WAIT_S: Final = 30.0
_ACCEPT: Final = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.4,*/*;q=0.2"
_ON: Final = "on"
_OFF: Final = "off"


def run(bench: Bench) -> Outcome:
    messages = load.batches(load.encoded(scene.frames(_BATCH)), _BATCH)
    pairs, rounds = bench.pick(5, 1), bench.pick(4, 1)
    ratios: list[float] = []
    costs_us: dict[str, list[float]] = {_ON: [], _OFF: []}
    scrapes_ms: list[float] = []
    for pair in range(pairs):
        with ExitStack() as running:
            servers = {
                way: running.enter_context(started(*framesrv(http=http)))
                for way, http in ((_ON, "127.0.0.1:0"), (_OFF, "off"))
            }
            for server in servers.values():
                load.closed_loop(grpc_target(server), messages, bench.pick(20, 2), 2)  # warm
            for turn in range(rounds):
                bench.progress.step(pair * rounds + turn, pairs * rounds)
                order = (_ON, _OFF) if turn % 2 else (_OFF, _ON)
                cost = _round(servers, order, messages, bench, scrapes_ms)
                for way, us in cost.items():
                    costs_us[way].append(us)
                ratios.append(cost[_ON] / cost[_OFF])
    return _outcome(ratios, costs_us, scrapes_ms, _counting_us(bench))


def _round(
    servers: dict[str, Process],
    order: Sequence[str],
    messages: Sequence[bytes],
    bench: Bench,
    scrapes_ms: list[float],
) -> dict[str, float]:
    """CPU a frame of each, in microseconds; the other one waits meanwhile."""
    cost, first_s = {}, bench.pick(_EVERY_S / 2, 0.01)
    for way in order:
        server = servers[way]
        before = server.cpu_s()
        with _scraped(server, scrapes_ms, first_s) if way == _ON else nullcontext():
            tally = load.closed_loop(grpc_target(server), messages, bench.pick(72, 2), 2)
        cost[way] = (server.cpu_s() - before) / tally.frames * 1e6
        tally.check()
    return cost


@contextmanager
def _scraped(server: Process, took_ms: list[float], first_s: float) -> Iterator[None]:
    """Once a second: in the middle of each, and so as often as seconds pass, on the average."""
    stop = threading.Event()
    asked = urllib.request.Request(
        f"http://{http_target(server)}/metrics", headers={"Accept": _ACCEPT}
    )

    def scrape() -> None:
        pause_s = first_s
        while not stop.wait(pause_s):
            began = perf_counter()
            with urllib.request.urlopen(asked, timeout=_WAIT_S) as answer:  # noqa: S310
                answer.read()
            took_ms.append((perf_counter() - began) * 1e3)
            pause_s = max(0.0, _EVERY_S - (perf_counter() - began))

    thread = threading.Thread(target=scrape)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _counting_us(bench: Bench) -> float:
    """What counting a frame takes, which is done whether anybody reads it or not."""
    report = FrameReport(request_id="r", status=FrameStatus.OK)
    report.timings.decode_ns = report.timings.total_ns = 3_000_000
    count: Callable[[FrameReport], None] = Meter().count
    frames = bench.pick(200_000, 1000)
    began = perf_counter()
    for _ in range(frames):
        count(report)
    return (perf_counter() - began) / frames * 1e6


def _outcome(
    ratios: Sequence[float],
    costs_us: dict[str, list[float]],
    scrapes_ms: Sequence[float],
    counting_us: float,
) -> Outcome:
    on, off = Spread.of(costs_us[_ON]).median, Spread.of(costs_us[_OFF]).median
    figures = [
        Figure.ratio(
            "metrics.scraped",
            "CPU a frame, scraped once a second / with --http off",
            Spread.of(ratios),
            f"{on:,.0f} us and {off:,.0f} us",
        ),
        Figure(
            "metrics.counted",
            "counting a frame, of the CPU that a frame takes",
            counting_us / off * 100,
            "%",
            here=f"{counting_us:.2f} us",
        ),
    ]
    took_ms = Spread.of(scrapes_ms).median if scrapes_ms else 0.0
    note = (
        f"1280x720 JPEGs in batches of {_BATCH}. There were {len(scrapes_ms)} scrapes, which took "
        f"{took_ms:,.0f} ms each under this load, as the scraper saw it."
    )
    return Outcome(figures, notes=(note,))


SCENARIO = Scenario("metrics", "The same frames, with metrics that are read and without", run)
