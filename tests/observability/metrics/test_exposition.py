"""What is read of our text is what is read of the library's, in both formats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Exemplar, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families as read_plain
from prometheus_client.registry import Collector

from framesrv.engine.meter import Meter
from framesrv.frames.work import FrameReport, FrameStatus
from framesrv.observability.metrics.exposition import choose_encoder, openmetrics_text, plain_text
from framesrv.observability.metrics.families import counter
from framesrv.observability.metrics.scrape import registry
from framesrv.pool import ArrayPool, PoolManager
from tests.observability.helpers import watched

# Without types in the library.
strictly: Callable[[Any], bytes] = exposition.generate_latest
read_strictly: Callable[[str], Iterable[Any]] = parser.text_string_to_metric_families

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)
# Beyond these whole numbers the library rounds, and we do not.
NUMBERS = st.one_of(st.integers(0, 2**53), st.floats(0, allow_nan=False))


class Fixed(Collector):
    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def check_alike(metrics: Any) -> None:
    for ours, theirs, read in (
        (plain_text, generate_latest, read_plain),
        (openmetrics_text, strictly, read_strictly),
    ):
        mine, expected = (list(read(write(metrics).decode())) for write in (ours, theirs))
        assert mine == expected


@given(st.lists(st.tuples(TEXTS, TEXTS, NUMBERS), unique_by=lambda each: each[:2]), TEXTS)
def test_any_labels_numbers_and_helps(rows: list[tuple[str, str, float]], text: str) -> None:
    counted = counter("counted", text, "one", "two")
    measured = GaugeMetricFamily("measured", "m", labels=["one", "two"])
    for one, two, number in rows:
        counted.add_metric([one, two], number)
        measured.add_metric([one, two], number)
    check_alike(Fixed(counted, measured))


def test_exemplars() -> None:
    exemplar = Exemplar({"trace_id": "4bf92f{},=#"}, 0.0031, 1795235594.5)
    buckets: list[Any] = [("0.01", 3.0, exemplar), ("+Inf", 4.0)]
    check_alike(Fixed(HistogramMetricFamily("times", "t", buckets=buckets, sum_value=1e-05)))


def test_a_server_s_own() -> None:
    meter = Meter()
    for trace_id in ("", "a-trace"):
        report = FrameReport(status=FrameStatus.OK, trace_id=trace_id)
        report.timings.total_ns = 70_000_001
        meter.count(report)
    manager = PoolManager(1 << 24)
    manager.register(ArrayPool('odd "name"\\', shape=(8, 8), capacity=2))
    found = registry(watched(manager, meter))
    # Read once: it says how long workers were busy until now.
    check_alike(Fixed(*CollectorRegistry.collect(found)))


@pytest.mark.parametrize(
    ("accept", "strict"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.4,*/*;q=0.2", True),
        ("application/openmetrics-text;version=\x00<script>", True),
        ("text/html, application/json", False),
    ],
)
def test_who_asks_for_openmetrics_gets_it(accept: str, strict: bool) -> None:
    encode, content_type = choose_encoder(accept)
    assert encode is (openmetrics_text if strict else plain_text)
    assert content_type == (
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
        if strict
        else "text/plain; version=0.0.4; charset=utf-8"
    )
