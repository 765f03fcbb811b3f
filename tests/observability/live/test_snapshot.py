"""A snapshot: right, of one moment, and small whatever it is about."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesrv.engine.meter import STAGES, Meter
from framesrv.engine.troubles import Troubles
from framesrv.errors import Reason
from framesrv.frames.work import FrameError, FrameReport, FrameStatus
from framesrv.observability.live import events
from framesrv.observability.live.history import History
from framesrv.observability.live.reading import read
from framesrv.observability.live.snapshot import (
    ERRORS_MAX,
    POOLS_MAX,
    STREAMS_MAX,
    About,
    clipped,
    snapshot,
)
from framesrv.observability.watched import Watched
from framesrv.pool import ByteArrayPool, PoolManager
from framesrv.streams.tally import StreamTally
from tests.observability.helpers import watched

ABOUT = About(
    server_id="0123456789abcdef",
    version="1",
    python="3",
    workers=2,
    pool_debug="off",
    budget_bytes=1 << 24,
    started_at_ms=1,
)
# As JSON, some of these take more bytes than any other character.
LONGEST = ("x", "\x00", "é", "\U0001f3a5", '"', "\ud800")


def of(seen: Watched, **more: Any) -> dict[str, Any]:
    history = History(seen.workers)
    for _ in range(2):
        history.add(read(seen))
    return snapshot(ABOUT, "ready", read(seen), history, **more)


def with_streams(tallies: Iterable[StreamTally], **more: Any) -> Watched:
    seen = watched(PoolManager(1 << 24))
    return dataclasses.replace(seen, open_streams=lambda: tuple(tallies), **more)


def test_its_keys_are_those_of_the_contract() -> None:
    troubles = Troubles()
    troubles.note("FULL", "text", stream_id="s", request_id="r")
    found = of(with_streams([StreamTally("s")], refusals=lambda: troubles))
    assert set(found) == {
        "server", "at_ms", "every_ms", "point", "totals", "in_flight", "memory", "stages", "gc",
        "pools", "streams", "errors",
    }  # fmt: skip
    assert set(found["server"]) == {
        "id", "version", "python", "state", "started_at_ms", "workers", "debug",
        "websocket",
    }  # fmt: skip
    assert set(found["point"]) == {
        "at_ms", "fps", "failed", "dropped", "refused", "p50_ms", "p95_ms", "p99_ms", "busy",
    }  # fmt: skip
    assert set(found["totals"]) == {"ok", "failed", "dropped", "refused_calls"}
    assert set(found["memory"]) == {"pools_bytes", "budget_bytes", "resident_bytes"}
    assert set(found["stages"]) == set(STAGES)
    assert set(found["stages"]["total"]) == {"p50_ms", "p95_ms", "p99_ms"}
    assert set(found["pools"][0]) == {
        "name", "capacity", "idle", "leased", "quarantined", "waiting", "bytes", "gets", "misses",
        "hit_rate", "timeouts", "oldest_s", "wait_p99_ms",
    }  # fmt: skip
    assert set(found["streams"]["shown"][0]) == {
        "id", "fps", "age_s", "received", "ok", "failed", "dropped", "in_flight", "window",
        "published", "preview", "watch",
    }  # fmt: skip
    assert set(found["errors"][0]) == {
        "reason", "kind", "count", "at_ms", "text", "stream", "request",
    }  # fmt: skip


def test_the_totals_are_those_that_were_counted() -> None:
    meter, refusals = Meter(), Troubles()
    error = FrameError(Reason.IMAGE_CORRUPT, "no image")
    for status, count in ((FrameStatus.OK, 5), (FrameStatus.FAILED, 3), (FrameStatus.DROPPED, 2)):
        for _ in range(count):
            meter.count(
                FrameReport(
                    request_id="r",
                    status=status,
                    error=None if status is FrameStatus.OK else error,
                )
            )
    for reason in ("QUEUE_FULL", "QUEUE_FULL", "DRAINING"):
        refusals.note(reason, "no")
    seen = dataclasses.replace(watched(PoolManager(1 << 24), meter), refusals=lambda: refusals)
    found = of(seen)
    assert found["totals"] == {"ok": 5, "failed": 3, "dropped": 2, "refused_calls": 3}
    assert found["in_flight"] == {"frames": 3, "bytes": 4}
    told = {(error["reason"], error["kind"]): error["count"] for error in found["errors"]}
    assert told == {
        ("IMAGE_CORRUPT", "frames"): 5,
        ("QUEUE_FULL", "calls"): 2,
        ("DRAINING", "calls"): 1,
    }
    times = [error["at_ms"] for error in found["errors"]]
    assert times == sorted(times, reverse=True)


def test_of_many_streams_the_busiest_are_shown() -> None:
    tallies = [StreamTally(str(number)) for number in range(STREAMS_MAX * 3)]
    seen = with_streams(tallies)
    history = History(1)
    history.add(read(seen))
    for number, tally in enumerate(tallies):
        tally.came(number + 2, 1)
        tally.went(number, 1, 1)
    history.add(read(seen))
    shown = snapshot(ABOUT, "ready", read(seen), history)["streams"]
    assert shown["open"] == len(tallies)
    assert [row["id"] for row in shown["shown"]] == [
        str(number) for number in reversed(range(STREAMS_MAX * 2, STREAMS_MAX * 3))
    ]
    first = shown["shown"][0]
    assert first["received"] == first["ok"] + first["failed"] + first["dropped"]
    assert first["fps"] > 0


def test_a_preview_is_offered_of_what_can_be_asked_for_by_its_name() -> None:
    tallies = [
        StreamTally("a", published=True),
        StreamTally("b", published=False),
        StreamTally("c" * 500, published=True),
    ]
    offered = {
        row["id"][0]: row["preview"]
        for row in of(with_streams(tallies), previews=True)["streams"]["shown"]
    }
    assert offered == {"a": True, "b": False, "c": False}
    rows = of(with_streams(tallies), previews=False)["streams"]["shown"]
    assert not any(row["preview"] for row in rows)


def test_the_largest_fits_into_a_pooled_buffer() -> None:
    """Whatever clients call their streams, and whatever the texts quote of what they sent."""
    for character in LONGEST:
        troubles = Troubles()
        for number in range(ERRORS_MAX * 2):
            name = character * 10_000
            troubles.note(f"REASON_{number:02}" * 3, name, stream_id=name, request_id=name)
        tallies = [StreamTally(character * 10_000, published=True) for _ in range(STREAMS_MAX * 2)]
        for tally in tallies:
            tally.came(1 << 60, 1)
            tally.went(1 << 59, 1 << 58, 1 << 57)
        manager = PoolManager(1 << 24)
        for number in range(POOLS_MAX * 2):
            manager.register(
                ByteArrayPool(f"a_pool_of_many_{number}", initial_bytes=64, capacity=1)
            )
        seen = with_streams(
            tallies, refusals=lambda troubles=troubles: troubles, pools=manager.stats().values
        )
        pieces = events.event("snapshot", 1 << 40, events.snapshot_json(of(seen)))
        assert len(events.encoded(pieces, None)) <= events.EVENT_BYTES_MAX
        manager.shutdown()


@given(st.text(st.characters(codec=None)) | st.sampled_from(LONGEST).map(lambda c: c * 500))
def test_what_is_clipped_fits_and_begins_as_it_did(text: str) -> None:
    kept = clipped(text, 64)
    nbytes = len(json.dumps(kept, ensure_ascii=False).encode(errors="surrogatepass"))
    assert nbytes <= 64
    if kept != text:
        assert kept.endswith("...")
        assert text.startswith(kept[:-3])
        assert nbytes > 64 - 3 - 12, "and not clipped more than it must be"
