"""A server under some load: what it did, what it cost, and what it says of its pools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.harness import percentile
from benchmarks.model import Figure, Table
from benchmarks.serving.calls import Outcomes
from benchmarks.serving.processes import Process
from benchmarks.serving.scraped import hit_rate, scrape

_MIB: Final = 1024 * 1024
_COLUMNS: Final = (
    "frames/s", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "CPU us/frame", "resident MiB",
    "hit rate", "refused", "lost",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    label: str
    outcomes: Outcomes
    cpu_us: float  # of the server, a frame that it answered with a picture
    resident_mib: float
    hit_rate: float

    def ms(self, percent: float) -> float:
        seconds = self.outcomes.seconds
        return percentile(sorted(seconds), percent) * 1e3 if seconds else float("inf")

    @property
    def refused(self) -> int:
        return self.outcomes.refused.total()

    @property
    def lost(self) -> int:
        return self.outcomes.lost.total() + self.outcomes.failed

    def row(self) -> tuple[str, ...]:
        return (
            self.label,
            f"{self.outcomes.fps:,.0f}",
            *(f"{self.ms(percent):,.1f}" for percent in (50, 95, 99, 99.9)),
            f"{self.cpu_us:,.0f}",
            f"{self.resident_mib:,.0f}",
            f"{self.hit_rate:.2%}",
            f"{self.refused:,}",
            f"{self.lost:,}",
        )


class Meter:
    """What a server uses while the block lasts."""

    def __init__(self, server: Process) -> None:
        self._server = server
        self.cpu_s = self.resident_mib = self.hit_rate = 0.0

    def __enter__(self) -> None:
        self._before, self._cpu_s = scrape(self._server), self._server.cpu_s()

    def __exit__(self, *_: object) -> None:
        self.cpu_s = self._server.cpu_s() - self._cpu_s
        self.resident_mib = self._server.resident_bytes() / _MIB
        self.hit_rate = hit_rate(self._before, scrape(self._server))

    def account(self, label: str, outcomes: Outcomes) -> Account:
        cpu_us = self.cpu_s / max(1, outcomes.frames) * 1e6
        return Account(label, outcomes, cpu_us, self.resident_mib, self.hit_rate)


def driven(server: Process, label: str, send: Callable[[], Outcomes]) -> Account:
    with (meter := Meter(server)):
        outcomes = send()
    return meter.account(label, outcomes)


def table(title: str, what: str, accounts: Sequence[Account]) -> Table:
    return Table(title, (what, *_COLUMNS), [account.row() for account in accounts])


def lowest_hit_rate(scenario: str, accounts: Sequence[Account]) -> Figure:
    return Figure(
        f"{scenario}.hit_rate",
        "borrows that a pool could serve, the lowest of all rows",
        min(account.hit_rate for account in accounts) * 100,
        "%",
    )


def all_lost(scenario: str, accounts: Sequence[Account]) -> Figure:
    lost = sum(account.lost for account in accounts)
    return Figure(f"{scenario}.lost", "frames without an answer or a typed refusal", lost, "frames")
