"""/metrics: every name, and the identities in every scrape while the pools are busy."""

from __future__ import annotations

import threading

import pytest
from prometheus_client import generate_latest

from framesrv.engine.meter import STAGES, Meter
from framesrv.frames.work import FrameStatus
from framesrv.observability.metrics.scrape import registry
from framesrv.pool import ArrayPool, BytesIOPool, PoolExhausted, PoolManager
from tests.observability.helpers import get, sample, samples, serving, watched

HISTOGRAM = ("bucket", "sum", "count")
POOL_NAMES = [
    "pool_hits_total",
    "pool_misses_total",
    "pool_returns_total",
    "pool_discards_total",
    "pool_warmed_total",
    "pool_trimmed_total",
    "pool_timeouts_total",
    "pool_leaks_total",
    "pool_misuse_total",
    "pool_buffers",
    "pool_capacity",
    "pool_waiters",
    "pool_budget_bytes",
    "pool_bytes",
    "pool_oldest_lease_age_seconds",
    *(f"pool_{what}_seconds_{part}" for what in ("wait", "hold") for part in HISTOGRAM),
]
FRAME_NAMES = [
    "frames_total",
    *(f"frame_stage_seconds_{part}" for part in HISTOGRAM),
    *(f"batch_frames_{part}" for part in HISTOGRAM),
    "refused_calls_total",
    "in_flight_frames",
    "in_flight_bytes",
    "frame_copies_total",
    "worker_busy_ratio",
    "streams",
    "subscribers",
    "subscriber_lag_frames",
    "subscriber_dropped_frames_total",
    "published_bytes",
    "merged_windows_total",
    "merge_late_frames_total",
    *(f"gc_pause_seconds_{part}" for part in HISTOGRAM),
    "build_info",
]


def managed(*, debug: str | None = None) -> tuple[PoolManager, ArrayPool, BytesIOPool]:
    manager = PoolManager(1 << 26)
    arrays = ArrayPool("arrays", shape=(8, 8), dtype="uint8", capacity=6, warm=2)
    files = BytesIOPool("files", initial_bytes=64, max_bytes=256, capacity=4, warm=1)
    manager.register(arrays, files)
    return manager, arrays, files


def test_every_name_is_there_from_the_start_and_has_the_prefix() -> None:
    text = generate_latest(registry(watched(managed()[0]))).decode()
    names = {name for name, _ in samples(text)}
    assert names == {"framesrv_" + name for name in POOL_NAMES + FRAME_NAMES}
    found = samples(text)
    assert sample(found, "in_flight_frames") == 3
    assert sample(found, "in_flight_bytes") == 4
    assert sample(found, "streams", state="open") == 5
    assert sample(found, "build_info", version="1.2.3", python="3") == 1


def test_what_happened_to_a_pool_is_counted() -> None:
    manager, arrays, files = managed()
    leases = [arrays.acquire() for _ in range(6)]
    with pytest.raises(PoolExhausted):
        arrays.acquire(timeout_s=0)
    with files.acquire() as file:
        file.buffer.write(bytes(1000))
    found = samples(generate_latest(registry(watched(manager))).decode())
    assert sample(found, "pool_hits_total", pool="arrays") == 2
    assert sample(found, "pool_misses_total", pool="arrays") == 4
    assert sample(found, "pool_timeouts_total", pool="arrays") == 1
    assert sample(found, "pool_buffers", pool="arrays", state="leased") == 6
    assert sample(found, "pool_bytes", pool="arrays", state="leased") >= 6 * 64
    assert sample(found, "pool_capacity", pool="arrays") == 6
    assert sample(found, "pool_oldest_lease_age_seconds", pool="arrays") > 0
    assert sample(found, "pool_discards_total", pool="files", reason="oversized") == 1
    for lease in leases:
        lease.release()


def test_frames_and_stages() -> None:
    from framesrv.errors import Reason
    from framesrv.frames.work import FrameError, FrameReport

    meter = Meter()
    report = FrameReport(request_id="r", status=FrameStatus.OK)
    report.timings.decode_ns = 2_000_000
    report.timings.total_ns = 90_000_000_000
    meter.count(report)
    meter.count(
        FrameReport(status=FrameStatus.FAILED, error=FrameError(Reason.IMAGE_CORRUPT, "broken"))
    )
    found = samples(generate_latest(registry(watched(managed()[0], meter))).decode())
    assert sample(found, "frames_total", result="ok", reason="") == 1
    assert sample(found, "frames_total", result="failed", reason="IMAGE_CORRUPT") == 1
    for stage in STAGES:
        assert sample(found, "frame_stage_seconds_count", stage=stage) == 1
    assert sample(found, "frame_stage_seconds_sum", stage="decode") == 0.002
    assert sample(found, "frame_stage_seconds_bucket", stage="decode", le="0.0015") == 0
    assert sample(found, "frame_stage_seconds_bucket", stage="decode", le="0.002") == 1
    assert sample(found, "frame_stage_seconds_bucket", stage="total", le="1.0") == 0
    assert sample(found, "frame_stage_seconds_bucket", stage="total", le="+Inf") == 1


@pytest.mark.unmeasured
def test_the_identities_hold_in_every_scrape_under_load() -> None:
    manager, arrays, files = managed()
    stop = threading.Event()

    def borrow() -> None:
        while not stop.is_set():
            with arrays.acquire(timeout_s=5), files.acquire(timeout_s=5) as lease:
                lease.buffer.write(bytes(300))  # more than it may keep
            with manager.acquire((30, 40, 3), timeout_s=5):
                pass
            manager.trim()

    threads = [threading.Thread(target=borrow) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        with serving(manager=manager) as server:
            gets = [check_identities(get(server, "/metrics")[1]) for _ in range(40)]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert gets == sorted(gets)
    assert gets[-1] > gets[0]


def check_identities(text: str) -> float:
    found = samples(text)
    pools = {dict(labels)["pool"] for name, labels in found if name == "framesrv_pool_capacity"}
    assert pools == {"arrays", "files", "ladder", "oversize"}
    total = 0.0
    for pool in pools:
        hits, misses, returns, warmed, trimmed = (
            sample(found, f"pool_{name}_total", pool=pool)
            for name in ("hits", "misses", "returns", "warmed", "trimmed")
        )
        discards = sum(
            value
            for (name, labels), value in found.items()
            if name == "framesrv_pool_discards_total" and ("pool", pool) in labels
        )
        idle, leased, quarantined = (
            sample(found, "pool_buffers", pool=pool, state=state)
            for state in ("idle", "leased", "quarantined")
        )
        assert hits + misses - returns == leased
        assert warmed + misses - discards - trimmed == idle + leased + quarantined
        assert idle + leased + quarantined <= sample(found, "pool_capacity", pool=pool)
        assert min(hits, misses, returns, warmed, trimmed, discards) >= 0
        total += hits + misses
    return total
