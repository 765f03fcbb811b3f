"""The garbage collector's pauses are counted, and what a server sets is set back."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from framesrv.observability.metrics.scrape import registry
from framesrv.observability.pauses import BOUNDS_S, GcPauses, short_pauses
from framesrv.pool import PoolManager
from tests.observability.helpers import sample, samples, watched


def test_every_collection_between_start_and_stop_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.disable()
    try:
        now_ns = iter([0, 60_000, 0, 1_000_000, 0, 200_000_000])
        monkeypatch.setattr("framesrv.observability.pauses.thread_time_ns", lambda: next(now_ns))
        pauses = GcPauses()
        with pauses:
            for _ in range(3):
                gc.collect()
        gc.collect()  # nobody listens any more
    finally:
        gc.enable()
    counted = dict(zip([*BOUNDS_S, float("inf")], pauses.counts, strict=True))
    assert {bound: count for bound, count in counted.items() if count} == {
        0.0001: 1, 0.001: 1, float("inf"): 1,
    }  # fmt: skip
    assert pauses.total_ns == 201_060_000
    assert next(now_ns, None) is None


def test_a_collection_that_began_before_is_not_counted() -> None:
    pauses = GcPauses()
    pauses._note("stop", {})
    assert sum(pauses.counts) == 0


def test_what_was_before_the_start_can_be_forgotten() -> None:
    with GcPauses() as pauses:
        gc.collect()
        pauses.forget()
        assert (sum(pauses.counts), pauses.total_ns) == (0, 0)
        gc.collect()
    assert sum(pauses.counts) == 1


def test_they_are_on_the_metrics_page() -> None:
    pauses = GcPauses()
    pauses._note("start", {})
    pauses._note("stop", {})
    told = watched(PoolManager(1 << 24))
    found = samples(generate_latest(registry(replace(told, pauses=pauses))).decode())
    assert sample(found, "gc_pause_seconds_count") == 1
    assert sample(found, "gc_pause_seconds_bucket", le="+Inf") == 1
    assert sample(found, "gc_pause_seconds_sum") == pauses.total_ns / 1e9


def test_a_process_that_serves_looks_through_less_and_afterwards_all_is_as_before() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with short_pauses():
        assert gc.get_freeze_count() > 10_000
        assert (gc.get_threshold() == before[0]) == (sys.version_info >= (3, 14))
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
