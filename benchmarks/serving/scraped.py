"""What a server says of itself on /metrics."""

from __future__ import annotations

import urllib.request
from dataclasses import dataclass
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.serving.processes import Process, http_target

_WAIT_S: Final = 30.0
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Scrape:
    samples: dict[tuple[str, Labels], float]

    def total(self, name: str, **labels: str) -> float:
        """The sum over all samples of that name that bear these labels."""
        wanted = labels.items()
        return sum(
            value for (told, has), value in self.samples.items() if told == name and wanted <= has
        )

    def by(self, label: str, name: str) -> dict[str, float]:
        """The sums for each value of a label."""
        found: dict[str, float] = {}
        for (told, has), value in self.samples.items():
            if told == name and (of := dict(has).get(label)) is not None:
                found[of] = found.get(of, 0.0) + value
        return found


def hit_rate(before: Scrape, after: Scrape) -> float:
    """The part of all borrows between two scrapes that a pool could serve, 1 where none were."""
    hits, misses = (
        after.total(name) - before.total(name)
        for name in ("framesrv_pool_hits_total", "framesrv_pool_misses_total")
    )
    return hits / (hits + misses) if hits + misses else 1.0


def scrape(process: Process) -> Scrape:
    url = f"http://{http_target(process)}/metrics"
    with urllib.request.urlopen(url, timeout=_WAIT_S) as answer:
        text = answer.read().decode()
    return Scrape(
        {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    )
