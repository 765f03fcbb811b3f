"""Both formats of /metrics: names that tools accept, closed labels, traces as exemplars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import exposition, parser
from prometheus_client.parser import text_string_to_metric_families as plain

from framesrv.engine.meter import STAGES, Meter
from framesrv.engine.troubles import Troubles
from framesrv.errors import Reason
from framesrv.frames.work import FrameError, FrameReport, FrameStatus
from framesrv.observability.metrics.scrape import registry
from framesrv.observability.watched import Watched
from framesrv.pool import PoolManager
from framesrv.streams.dispatcher import Subscribed
from framesrv.streams.merges import Merged
from tests.observability.helpers import sample, samples, watched

# Without types in the library.
strictly: Callable[[Any], bytes] = exposition.generate_latest
read_strictly: Callable[[str], Iterable[Any]] = parser.text_string_to_metric_families


def watching(**more: Any) -> Watched:
    return replace(watched(PoolManager(1 << 24)), **more)


def families(**more: Any) -> dict[str, Any]:
    text = strictly(registry(watching(**more))).decode()
    return {family.name: family for family in read_strictly(text)}


def traced(*trace_ids: str) -> Meter:
    meter = Meter()
    for trace_id in trace_ids:
        report = FrameReport(status=FrameStatus.OK, trace_id=trace_id)
        report.timings.total_ns = 70_000_000
        meter.count(report)
    return meter


class TestNames:
    def test_every_one_has_a_help_and_a_sample(self) -> None:
        for family in families().values():
            assert family.documentation, family.name
            assert family.samples, family.name

    def test_counters_end_in_total_and_others_do_not(self) -> None:
        text = generate_latest(registry(watching())).decode()
        for line in text.splitlines():
            if line.startswith("# TYPE"):
                _, _, name, kind = line.split()
                assert (kind == "counter") == name.endswith("_total"), name
                assert kind in {"counter", "gauge", "histogram"}

    def test_both_formats_have_the_same_samples(self) -> None:
        reading = registry(watching())
        both = [
            {
                (found.name, frozenset(found.labels.items()))
                for family in parse(generate(reading).decode())
                for found in family.samples
            }
            for parse, generate in ((plain, generate_latest), (read_strictly, strictly))
        ]
        assert both[0] == both[1]

    def test_no_sample_is_there_twice(self) -> None:
        text = generate_latest(registry(watching())).decode()
        lines = Counter(line.rpartition(" ")[0] for line in text.splitlines() if line[0] != "#")
        assert lines.most_common(1)[0][1] == 1


class TestClosedLabels:
    def test_every_reason_is_there_from_the_start(self) -> None:
        found = samples(generate_latest(registry(watching())).decode())
        shown = {
            dict(labels)["reason"]
            for name, labels in found
            if name in {"framesrv_frames_total", "framesrv_refused_calls_total"}
        }
        assert shown == {"", *map(str, Reason)}

    def test_every_frame_and_every_refused_call_is_counted(self) -> None:
        meter, refusals = Meter(), Troubles()
        for reason in Reason:
            error = FrameError(reason, "")
            meter.count(FrameReport(status=FrameStatus.FAILED, error=error))
            refusals.note(str(reason), "")
        watching_these = watching(frames=lambda: meter, refusals=lambda: refusals)
        found = samples(generate_latest(registry(watching_these)).decode())
        for reason in Reason:
            assert sample(found, "frames_total", result="failed", reason=str(reason)) == 1
            assert sample(found, "refused_calls_total", reason=str(reason)) == 1

    @pytest.mark.parametrize("counts", [{}, {"open": 2}, {"draining": 1}, {"open": 1, "odd": 9}])
    def test_streams_are_told_by_every_state_and_no_other(self, counts: dict[str, int]) -> None:
        found = families(streams=lambda: counts)["framesrv_streams"]
        assert {one.labels["state"]: one.value for one in found.samples} == {
            state: counts.get(state, 0) for state in ("open", "draining")
        }

    def test_copies_are_told_by_every_place(self) -> None:
        found = families()["framesrv_frame_copies"]
        assert [one.labels["where"] for one in found.samples] == ["wire", "codec", "clone"]


def test_what_is_watched_is_what_is_told() -> None:
    meter = Meter()
    meter.batches.add(25)
    meter.batches.add(64)
    meter.begin(1)  # ever since
    found = samples(
        generate_latest(
            registry(
                watching(
                    frames=lambda: meter,
                    copies=lambda: {"wire": 4, "codec": 2, "clone": 1},
                    subscribed=lambda: Subscribed(3, 7, 11),
                    merged=lambda: Merged(8, 5, 2, 6),
                    published_bytes=lambda: 99,
                )
            )
        ).decode()
    )
    assert sample(found, "batch_frames_count") == 2
    assert sample(found, "batch_frames_sum") == 89
    assert sample(found, "batch_frames_bucket", le="16.0") == 0
    assert sample(found, "batch_frames_bucket", le="25.0") == 1
    assert sample(found, "batch_frames_bucket", le="64.0") == 2
    assert sample(found, "worker_busy_ratio") == 1
    assert sample(found, "frame_copies_total", where="codec") == 2
    assert sample(found, "subscribers") == 3
    assert sample(found, "subscriber_lag_frames") == 7
    assert sample(found, "subscriber_dropped_frames_total") == 11
    assert sample(found, "published_bytes") == 99
    assert sample(found, "merged_windows_total", result="incomplete") == 5
    assert sample(found, "merged_windows_total", result="undrawn") == 2
    assert sample(found, "merge_late_frames_total") == 6


class TestExemplars:
    def test_a_bucket_shows_the_trace_of_its_last_frame(self) -> None:
        meter = traced("first", "last", "", "é" * 9, "x" * 65)
        buckets = families(frames=lambda: meter)["framesrv_frame_stage_seconds"].samples
        shown = {
            (one.labels["stage"], one.labels["le"]): one.exemplar for one in buckets if one.exemplar
        }
        assert set(shown) == {("total", "0.08")} | {
            (stage, "0.0001") for stage in STAGES if stage != "total"
        }
        exemplar = shown["total", "0.08"]
        assert exemplar.labels == {"trace_id": "last"}
        assert exemplar.value == pytest.approx(0.07)
        assert exemplar.timestamp.sec > 1.7e9

    def test_the_plain_format_has_none(self) -> None:
        meter = traced("4bf92f3577b34da6a3ce929d0e0e4736")
        text = generate_latest(registry(watching(frames=lambda: meter))).decode()
        assert "4bf92f" not in text
        assert " # {" not in text

    @pytest.mark.parametrize("unusual", ["!" * 64, "{}=,#}1", "a'b/c[]", "#EOF"])
    def test_an_id_of_odd_characters_breaks_nothing(self, unusual: str) -> None:
        meter = traced(unusual)
        buckets = families(frames=lambda: meter)["framesrv_frame_stage_seconds"].samples
        shown = {one.exemplar.labels["trace_id"] for one in buckets if one.exemplar}
        assert shown == {unusual}
