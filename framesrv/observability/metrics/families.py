"""How a metric is written down: its prefix, its labels, the buckets of a histogram."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from framesrv.engine.histogram import Example

PREFIX: Final = "framesrv_"


def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)


def counter_by(name: str, text: str, label: str, counts: Mapping[str, int]) -> CounterMetricFamily:
    family = counter(name, text, label)
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def plain_counter(name: str, text: str, count: int) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, value=count)


def gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def plain_gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, value=value)


def histogram(name: str, text: str, *labels: str) -> HistogramMetricFamily:
    return HistogramMetricFamily(PREFIX + name, text, labels=labels)


def plain_histogram(
    name: str, text: str, bounds: Iterable[float], counts: Sequence[int], total: float
) -> HistogramMetricFamily:
    return HistogramMetricFamily(
        PREFIX + name, text, buckets=buckets(bounds, counts), sum_value=total
    )


def buckets(
    bounds: Iterable[float],
    counts: Sequence[int],
    examples: Sequence[Example | None] = (),
    scale: float = 1.0,
) -> list[Any]:
    """Each bucket counts those before it as well, and may show one of its own values."""
    found: list[Any] = list(
        zip([*map(str, map(float, bounds)), "+Inf"], accumulate(counts), strict=True)
    )
    for at, example in enumerate(examples):
        if example is not None:
            labels = {"trace_id": example.trace_id}
            value = example.value * scale
            found[at] = (*found[at], Exemplar(labels, value, example.at_s))
    return found
