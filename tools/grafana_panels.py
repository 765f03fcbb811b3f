"""What the Grafana dashboard shows: a panel is one entry here, and tools.grafana does the rest."""

from __future__ import annotations

from typing import Final

from tools.grafana_parts import (
    CALLS_A_SECOND,
    FRAMES_A_SECOND,
    ONE_POOL,
    RATE,
    SERVER,
    Panel,
    Query,
    Row,
    quantiles,
    rate,
)


def _hit_rate(where: str) -> str:
    hits = f"sum by (pool) (rate(framesrv_pool_hits_total{{{where}}}{RATE}))"
    misses = f"sum by (pool) (rate(framesrv_pool_misses_total{{{where}}}{RATE}))"
    return f"{hits} / ({hits} + {misses})"


# Images past the end of the size ladder are never kept, and so never a hit.
_KEPT: Final = SERVER + ', pool!="oversize"'
_OK: Final = SERVER + ', result="ok"'
_FAILED: Final = SERVER + ', result="failed"'
_DROPPED: Final = SERVER + ', result="dropped"'
_TOTAL: Final = SERVER + ', stage="total"'
_LEASED: Final = ONE_POOL + ', state="leased"'

OVERVIEW: Final = Row(
    "At a glance",
    (
        Panel(
            "Servers", "That answered the last scrape.", "short",
            (Query(f"count(framesrv_build_info{{{SERVER}}})", "servers"),),
            width=4, kind="stat",
        ),
        Panel(
            "Frames", "That were answered with a result.", FRAMES_A_SECOND,
            (rate("framesrv_frames_total", "", _OK, "ok"),),
            width=4, kind="stat",
        ),
        Panel(
            "Time in the server, p99", "From the arrival of a frame to its answer.", "s",
            quantiles("framesrv_frame_stage_seconds", "", _TOTAL, 0.99),
            width=4, kind="stat", limits=(0.25, 1),
        ),
        Panel(
            "Refused calls", "Refused as a whole, for any reason.", CALLS_A_SECOND,
            (rate("framesrv_refused_calls_total", "", legend="refused"),),
            width=4, kind="stat", limits=(0.1, 1),
        ),
        Panel(
            "Hit rate of the worst pool", "Borrows that a waiting buffer served.", "percentunit",
            (Query(f"min({_hit_rate(_KEPT)})", "hit rate"),),
            width=4, kind="stat", limits=(0.999, 0.99),
        ),
        Panel(
            "Workers busy", "The part of the workers' time spent on frames.", "percentunit",
            (Query(f"avg(framesrv_worker_busy_ratio{{{SERVER}}})", "busy"),),
            width=4, kind="stat", limits=(0.8, 0.9),
        ),
    ),
)  # fmt: skip
FRAMES: Final = Row(
    "Frames",
    (
        Panel(
            "Frames by result", "Every frame that came in is in one of these.", FRAMES_A_SECOND,
            (rate("framesrv_frames_total", "result"),),
            stacked=True,
        ),
        Panel(
            "Time in the server", "From the arrival of a frame to its answer.", "s",
            quantiles("framesrv_frame_stage_seconds", "", _TOTAL, 0.5, 0.95, 0.99),
            limits=(0.25, 1),
        ),
        Panel(
            "Frames and bytes in flight", "Admitted and not yet done; the bytes as they came.",
            "short",
            (
                Query(f"sum(framesrv_in_flight_frames{{{SERVER}}})", "frames"),
                Query(f"sum(framesrv_in_flight_bytes{{{SERVER}}}) / 2^20", "MiB"),
            ),
        ),
        Panel(
            "Stages, median", "Queue is the wait for a worker.", "s",
            quantiles("framesrv_frame_stage_seconds", "stage", SERVER, 0.5),
        ),
        Panel(
            "Stages, p95", "Queue is the wait for a worker.", "s",
            quantiles("framesrv_frame_stage_seconds", "stage", SERVER, 0.95),
        ),
        Panel(
            "Stages, p99", "Queue is the wait for a worker.", "s",
            quantiles("framesrv_frame_stage_seconds", "stage", SERVER, 0.99),
        ),
        Panel(
            "Refused calls by reason", "QUEUE_FULL, POOL_TIMEOUT and MEMORY_BUDGET are overload.",
            CALLS_A_SECOND, (rate("framesrv_refused_calls_total", "reason"),),
            stacked=True,
        ),
        Panel(
            "Failed frames by reason", "Answered with an error; the call goes on.",
            FRAMES_A_SECOND, (rate("framesrv_frames_total", "reason", _FAILED),),
            stacked=True,
        ),
        Panel(
            "Dropped frames by reason", "By a stream's own policy, by age, or its client is gone.",
            FRAMES_A_SECOND, (rate("framesrv_frames_total", "reason", _DROPPED),),
            stacked=True,
        ),
        Panel(
            "Frames a batch", "As the batches came in.", "short",
            quantiles("framesrv_batch_frames", "", SERVER, 0.5, 0.95),
        ),
        Panel(
            "Copies a frame", "Where pixels or messages were copied, for each frame that was ok.",
            "short",
            (
                Query(
                    f"sum by (where) (rate(framesrv_frame_copies_total{{{SERVER}}}{RATE}))"
                    " / on () group_left ()"
                    f" sum (rate(framesrv_frames_total{{{_OK}}}{RATE}))",
                    "{{where}}",
                ),
            ),
        ),
        Panel(
            "Workers busy", "The part of the workers' time spent on frames.", "percentunit",
            (Query(f"framesrv_worker_busy_ratio{{{SERVER}}}", "{{instance}}"),),
            most=1, limits=(0.8, 0.9),
        ),
    ),
)  # fmt: skip
POOLS: Final = Row(
    "Pools",
    (
        Panel(
            "Buffers by state", "Of the chosen pools. Quarantined: home, and somebody still looks.",
            "short",
            (Query(f"sum by (state) (framesrv_pool_buffers{{{ONE_POOL}}})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Lent, of the capacity", "Close to all for long: the pool is the bottleneck.",
            "percentunit",
            (
                Query(
                    f"sum by (pool) (framesrv_pool_buffers{{{_LEASED}}})"
                    f" / sum by (pool) (framesrv_pool_capacity{{{ONE_POOL}}})",
                    "{{pool}}",
                ),
            ),
            most=1, limits=(0.8, 1),
        ),
        Panel(
            "Hit rate", "Borrows that a waiting buffer served; 1 but for the first frames.",
            "percentunit", (Query(_hit_rate(ONE_POOL), "{{pool}}"),),
            most=1, limits=(0.999, 0.99),
        ),
        Panel(
            "Wait for a buffer, p99", "Of the borrows that had to wait.", "s",
            quantiles("framesrv_pool_wait_seconds", "pool", ONE_POOL, 0.99),
        ),
        Panel(
            "Hold time, p99", "From the borrow to the return, of one lease in 128.", "s",
            quantiles("framesrv_pool_hold_seconds", "pool", ONE_POOL, 0.99),
        ),
        Panel(
            "Oldest lease", "How long the longest-held buffer has been out.", "s",
            (
                Query(
                    f"max by (pool) (framesrv_pool_oldest_lease_age_seconds{{{ONE_POOL}}})",
                    "{{pool}}",
                ),
            ),
            limits=(10, 60),
        ),
        Panel(
            "In line, and in vain", "Borrows waiting now, and those a second that timed out.",
            "short",
            (
                Query(f"sum by (pool) (framesrv_pool_waiters{{{ONE_POOL}}})", "{{pool}} waiting"),
                rate("framesrv_pool_timeouts_total", "pool", ONE_POOL, "{{pool}} timed out /s"),
            ),
        ),
        Panel(
            "Returned and not kept", "Buffers that outgrew their pool, or were of no class.",
            "suffix: buffers/s",
            (rate("framesrv_pool_discards_total", "pool, reason", ONE_POOL),),
        ),
        Panel(
            "Leaks and misuse", "Since the start; both are 0 in a sound server.", "short",
            (
                Query(f"sum by (pool, kind) (framesrv_pool_leaks_total{{{ONE_POOL}}})",
                      "{{pool}} {{kind}}"),
                Query(f"sum by (pool, kind) (framesrv_pool_misuse_total{{{ONE_POOL}}})",
                      "{{pool}} {{kind}}"),
            ),
            limits=(1, 5),
        ),
    ),
)  # fmt: skip
MEMORY: Final = Row(
    "Memory and the interpreter",
    (
        Panel(
            "Pool memory against the budget",
            "All pools by state, and what all of them may take together.", "bytes",
            (
                Query(f"sum by (state) (framesrv_pool_bytes{{{SERVER}}})", "{{state}}"),
                Query(f"sum(framesrv_pool_budget_bytes{{{SERVER}}})", "budget"),
            ),
        ),
        Panel(
            "Pool memory by pool", "Idle buffers of other sizes are given back after a while.",
            "bytes",
            (Query(f"sum by (pool) (framesrv_pool_bytes{{{ONE_POOL}}})", "{{pool}}"),),
            stacked=True,
        ),
        Panel(
            "Pauses of the garbage collector", "By the clock of the collecting thread.", "s",
            quantiles("framesrv_gc_pause_seconds", "", SERVER, 0.5, 0.99),
            limits=(0.005, 0.01),
        ),
    ),
)  # fmt: skip
STREAMS: Final = Row(
    "Streams",
    (
        Panel(
            "Streams by state", "Draining: told to go away, and not gone yet.", "short",
            (Query(f"sum by (state) (framesrv_streams{{{SERVER}}})", "{{state}}"),),
            stacked=True,
        ),
        Panel(
            "Subscribers, and how far behind", "Lag in frames.", "short",
            (
                Query(f"sum(framesrv_subscribers{{{SERVER}}})", "subscribers"),
                Query(f"max(framesrv_subscriber_lag_frames{{{SERVER}}})", "lag"),
            ),
        ),
        Panel(
            "Dropped for slow subscribers", "Frames that a subscriber was too late for.",
            FRAMES_A_SECOND,
            (rate("framesrv_subscriber_dropped_frames_total", "", legend="dropped"),),
        ),
        Panel(
            "Merged windows", "Incomplete: a stream had no frame in time. Undrawn: left out.",
            "short",
            (
                rate("framesrv_merged_windows_total", "result"),
                rate("framesrv_merge_late_frames_total", "", legend="late frames"),
            ),
        ),
        Panel(
            "Kept for subscribers", "Of all published frames; who shares them costs nothing.",
            "bytes",
            (Query(f"sum(framesrv_published_bytes{{{SERVER}}})", "bytes"),),
        ),
    ),
)  # fmt: skip

ROWS: Final = (OVERVIEW, FRAMES, POOLS, MEMORY, STREAMS)
