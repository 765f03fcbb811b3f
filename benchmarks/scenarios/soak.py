"""Whether a server stays as small as it is, under all that clients do: ``--minutes`` of it.

A server of each debug level has clients of its own (``serving.mixture``), all three at once:
resident memory is not a timing. In the first third, the warm-up, their rounds follow one upon the
other, so that what depends on chance has happened; then one begins every second, or later if the
machine is busy. A sample is taken after each. ``trend`` says how the slope's bound comes about.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from statistics import fmean, median
from time import perf_counter
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Chart, Figure, Outcome, Scenario, Table
from benchmarks.serving import sampling
from benchmarks.serving.mixture import Count, Mixture, prepared
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from benchmarks.serving.sampling import Sample
from benchmarks.serving.scraped import Scrape, scrape
from benchmarks.trend import Trend, trend

LEVELS: Final = ("off", "sample", "poison")
_LEAST_JUDGED: Final = 4
_LEAST_REST_S: Final = 0.1  # for what was cancelled to end
_SETTLED_WITHIN_S: Final = 10.0
_COLUMNS: Final = (
    "debug level", "start MiB", "after warm-up", "end", "peak", "slope MiB/h", "upper bound",
    "anonymous", "descriptors", "threads", "frames", "cancels, deaths", "misuse, leaks", "CPU",
)  # fmt: skip


@dataclass(slots=True)
class _Soaked:
    """One server, and what became of it."""

    level: str
    process: Process
    samples: list[Sample] = field(default_factory=list)
    warm: int = 0  # so many of them are of the warm-up
    count: Count = field(default_factory=Count)
    peak_mib: float = 0.0
    cpu: float = 0.0  # of a core
    said: Scrape = field(default_factory=lambda: Scrape({}))

    @property
    def judged(self) -> list[Sample]:
        return self.samples[self.warm :]

    def trend_of(self, value: Callable[[Sample], float]) -> Trend:
        """A change an hour."""
        return trend([each.at_s / 3600 for each in self.judged], [*map(value, self.judged)])

    def growth(self, value: Callable[[Sample], int]) -> int:
        """From the first to the last third of what is judged; the middle one of each."""
        third = max(1, len(self.judged) // 3)
        first, last = self.judged[:third], self.judged[-third:]
        return round(median(map(value, last)) - median(map(value, first)))


def run(bench: Bench) -> Outcome:
    seconds, interval_s = bench.pick((bench.minutes * 60, 1.0), (1.5, 0.0))
    prepared()
    with ExitStack() as running:
        soaked = [_Soaked(level, running.enter_context(_server(level))) for level in LEVELS]
        _together(bench, soaked, seconds, interval_s)
    return Outcome(
        [figure for each in soaked for figure in _figures(each)],
        notes=(_note(soaked, seconds),),
        details=(Table(f"A soak of {seconds / 60:,.3g} minutes", _COLUMNS, [*map(_row, soaked)]),),
        charts=(_chart(soaked),),
    )


def _server(level: str) -> AbstractContextManager[Process]:
    return started(*framesrv(http="127.0.0.1:0"), env={"FRAMESRV_POOL_DEBUG": level})


def _together(bench: Bench, soaked: Sequence[_Soaked], seconds: float, interval_s: float) -> None:
    """A thread a server. Whatever ends one of them, or an interrupt, ends them all."""
    stop = threading.Event()
    faults: list[BaseException] = []

    def soak(each: _Soaked) -> None:
        try:
            _soak(each, seconds, interval_s, stop)
        except BaseException as fault:
            faults.append(fault)
            stop.set()

    threads = [threading.Thread(target=soak, args=(each,)) for each in soaked]
    for thread in threads:
        thread.start()
    try:
        began = perf_counter()
        for thread in threads:
            while thread.is_alive():
                bench.progress.step(int(min(seconds, perf_counter() - began)), int(seconds) + 1)
                thread.join(0.2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]


def _soak(each: _Soaked, seconds: float, interval_s: float, stop: threading.Event) -> None:
    pid = each.process.pid
    began, cpu_s = perf_counter(), each.process.cpu_s()
    with Mixture(grpc_target(each.process), prepared()) as mixture:
        each.count = mixture.count
        number = 0
        while (passed := perf_counter() - began) < seconds or len(each.judged) < _LEAST_JUDGED:
            warming = passed < seconds / 3
            mixture.round(number)
            number += 1
            rest_s = 0.0 if warming else passed + interval_s - (perf_counter() - began)
            if stop.wait(max(_LEAST_REST_S, rest_s)):
                return
            each.samples.append(sampling.sample(pid, perf_counter() - began))
            if warming:
                each.warm = number
    each.cpu = (each.process.cpu_s() - cpu_s) / (perf_counter() - began)
    each.peak_mib = sampling.peak_mib(pid)
    each.said = _at_rest(each.process, stop)


def _at_rest(process: Process, stop: threading.Event) -> Scrape:
    """What it says once it holds no buffer any more, or at last."""
    began = perf_counter()
    while True:
        said = scrape(process)
        late = perf_counter() - began > _SETTLED_WITHIN_S
        if not _leased(said) or late or stop.wait(0.1):
            return said


def _leased(said: Scrape) -> int:
    return round(
        sum(said.total("framesrv_pool_buffers", state=s) for s in ("leased", "quarantined"))
    )


def _figures(each: _Soaked) -> list[Figure]:
    name, slope = f"soak.{each.level}", each.trend_of(lambda s: s.resident_mib)
    what = f"debug level {each.level}"
    end = f"{each.samples[-1].resident_mib:.1f} MiB at the end"
    return [
        Figure(f"{name}_slope", f"{what}: slope, upper bound", slope.high, "MiB/h", here=end),
        Figure(f"{name}_descriptors", f"{what}: descriptors more", each.growth(_descriptors), ""),
        Figure(f"{name}_threads", f"{what}: threads more", each.growth(_threads), ""),
        Figure(f"{name}_lost", f"{what}: frames not answered", each.count.lost, ""),
        Figure(f"{name}_leased", f"{what}: buffers out at the end", _leased(each.said), ""),
    ]


def _descriptors(sample: Sample) -> int:
    return sample.descriptors


def _threads(sample: Sample) -> int:
    return sample.threads


def _row(each: _Soaked) -> tuple[str, ...]:
    first, warm, last = each.samples[0], each.judged[0], each.samples[-1]
    slope = each.trend_of(lambda s: s.resident_mib)
    anonymous = each.trend_of(lambda s: s.anonymous_mib)
    return (
        each.level,
        *(f"{sample.resident_mib:.1f}" for sample in (first, warm, last)),
        f"{each.peak_mib:.1f}",
        f"{slope.slope:+.2f}",
        f"{slope.high:+.2f}",
        f"{anonymous.slope:+.2f}, {anonymous.high:+.2f}",
        f"{warm.descriptors} - {last.descriptors}",
        f"{warm.threads} - {last.threads}",
        f"{each.count.sent:,}",
        f"{each.count.cancelled:,}, {each.count.died:,}",
        ", ".join(
            f"{each.said.total(name):.0f}"
            for name in ("framesrv_pool_misuse_total", "framesrv_pool_leaks_total")
        ),
        f"{each.cpu:.0%}",
    )


def _chart(soaked: Sequence[_Soaked]) -> Chart:
    return Chart(
        "soak",
        "Resident memory of a server for each debug level, under mixed load",
        "minutes",
        "MiB",
        {
            f"debug level {each.level}": [
                (round(sample.at_s / 60, 3), round(sample.resident_mib, 3))
                for sample in each.samples
            ]
            for each in soaked
        },
    )


def _note(soaked: Sequence[_Soaked], seconds: float) -> str:
    rounds = fmean(len(each.samples) for each in soaked)
    return (
        f"Three servers at once for {seconds / 60:,.3g} minutes, {rounds:,.0f} rounds of about 80 "
        "frames each. The first third of the time is warm-up, without pauses. Samples are taken "
        "between rounds; the peak is the kernel's own. Bounds: 95 %, of both sides, with room "
        "for autocorrelation (benchmarks/trend.py)."
    )


SCENARIO = Scenario("soak", "Whether a server stays as small as it is", run)
