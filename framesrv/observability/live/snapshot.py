"""One snapshot: all that a dashboard shows of one moment, small whatever clients call themselves.

Pure: the same reading and history give the same snapshot. Its keys are the contract with the
page and with ``framesrv top``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from json.encoder import encode_basestring
from time import monotonic_ns
from typing import Any, Final

from framesrv.engine.troubles import Trouble
from framesrv.observability.live.history import EVERY_S, History, nothing_yet
from framesrv.observability.live.reading import Reading
from framesrv.pool.stats import PoolStats
from framesrv.streams.tally import StreamTally

STREAMS_MAX: Final = 50
POOLS_MAX: Final = 40
ERRORS_MAX: Final = 20
# As JSON, so that all of a snapshot together stays far below the largest pooled buffer.
_ID_BYTES: Final = 128
_TEXT_BYTES: Final = 640

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What does not change while a server runs."""

    server_id: str
    version: str
    python: str
    workers: int
    pool_debug: str
    budget_bytes: int
    started_at_ms: int
    websocket: bool = False


def snapshot(
    about: About,
    state: str,
    reading: Reading,
    history: History,
    *,
    previews: bool = False,
) -> Json:
    return {
        "server": {
            "id": about.server_id,
            "version": about.version,
            "python": about.python,
            "state": state,
            "started_at_ms": about.started_at_ms,
            "workers": about.workers,
            "debug": about.pool_debug,
            "websocket": about.websocket,
        },
        "at_ms": reading.at_ms,
        "every_ms": round(EVERY_S * 1000),
        "point": history.points[-1] if history.points else nothing_yet(reading.at_ms),
        "totals": {
            "ok": reading.counted.ok,
            "failed": reading.counted.failed,
            "dropped": reading.counted.dropped,
            "refused_calls": reading.counted.refused,
        },
        "in_flight": {"frames": reading.in_flight_frames, "bytes": reading.in_flight_bytes},
        "memory": {
            "pools_bytes": sum(stats.bytes_total for stats in reading.pools),
            "budget_bytes": about.budget_bytes,
            "resident_bytes": reading.resident_bytes,
        },
        "stages": history.stages(),
        "gc": {"p99_ms": history.pauses_p99_ms()},
        "pools": [
            _pool(stats, history.wait_p99_ms(stats.pool)) for stats in reading.pools[:POOLS_MAX]
        ],
        "streams": {
            "open": len(reading.streams),
            "shown": list(_streams(reading.streams, history, previews, about.websocket)),
        },
        "errors": list(_errors(reading)),
    }


def _pool(stats: PoolStats, wait_p99_ms: float | None) -> Json:
    return {
        "name": stats.pool,
        "capacity": stats.capacity,
        "idle": stats.idle,
        "leased": stats.leased,
        "quarantined": stats.quarantined,
        "waiting": stats.waiting,
        "bytes": stats.bytes_total,
        "gets": stats.gets,
        "misses": stats.misses,
        "hit_rate": round(stats.hit_rate, 4),
        "timeouts": stats.timeouts,
        "oldest_s": round(stats.oldest_lease_age_s, 3),
        "wait_p99_ms": wait_p99_ms,
    }


def _streams(
    tallies: Sequence[StreamTally], history: History, previews: bool, websocket: bool
) -> Iterator[Json]:
    """The busiest first; among those that are as busy, those that have done the most."""
    now_ns, fps = monotonic_ns(), history.fps
    busiest = nlargest(STREAMS_MAX, tallies, key=lambda one: (fps.get(one, 0.0), one.answered.ok))
    for tally in busiest:
        answered = tally.answered  # before what was received, so that it is never more
        shown = clipped(tally.stream_id, _ID_BYTES)
        can_be_named = tally.published and shown == tally.stream_id
        yield {
            "id": shown,
            "fps": round(fps.get(tally, 0.0), 1),
            "age_s": round(max(0, now_ns - tally.last_ns) / 1e9, 3),
            "received": tally.received,
            "ok": answered.ok,
            "failed": answered.failed,
            "dropped": answered.dropped,
            "in_flight": tally.in_flight,
            "window": tally.window,
            "published": tally.published,
            "preview": previews and can_be_named,
            "watch": websocket and can_be_named,
        }


def _errors(reading: Reading) -> Iterator[Json]:
    """The last of each reason, the newest first."""
    of_frames, of_calls = reading.meter.troubles, reading.refusals
    found: list[tuple[Trouble, str, int]] = [
        (trouble, kind, troubles.counts[reason])
        for kind, troubles in (("frames", of_frames), ("calls", of_calls))
        for reason, trouble in list(troubles.last.items())
    ]
    for trouble, kind, count in nlargest(ERRORS_MAX, found, key=lambda one: one[0].at_ns):
        yield {
            "reason": trouble.reason,
            "kind": kind,
            "count": count,
            "at_ms": trouble.at_ns // 1_000_000,
            "text": clipped(trouble.text, _TEXT_BYTES),
            "stream": clipped(trouble.stream_id, _ID_BYTES),
            "request": clipped(trouble.request_id, _ID_BYTES),
        }


def clipped(text: str, bytes_max: int) -> str:
    """As much of a text as takes so many bytes in JSON; what is cut off is marked.

    >>> clipped("camera-7", 16), clipped("x" * 99, 16)
    ('camera-7', 'xxxxxxxxxxx...')
    """
    kept = text[:bytes_max]
    while (nbytes := _json_bytes(kept)) > bytes_max - (3 if len(kept) < len(text) else 0):
        kept = kept[: min(len(kept) - 1, len(kept) * (bytes_max - 3) // nbytes)]
    return kept if kept == text else kept + "..."


def _json_bytes(text: str) -> int:
    return len(encode_basestring(text).encode(errors="surrogatepass"))
