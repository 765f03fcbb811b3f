"""The metrics of what is published: who watches, how far behind, and what was joined by time."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from framesrv.observability.metrics.families import counter_by, plain_counter, plain_gauge
from framesrv.observability.watched import Watched


def fan_out_metrics(watched: Watched) -> Iterator[Metric]:
    subscribed, merged = watched.subscribed(), watched.merged()
    yield plain_gauge("subscribers", "subscriptions that are open", subscribed.subscribers)
    yield plain_gauge(
        "subscriber_lag_frames",
        "frames that the slowest subscriber is behind",
        subscribed.lag_frames,
    )
    yield plain_counter(
        "subscriber_dropped_frames",
        "frames not sent to a subscriber that was too slow",
        subscribed.dropped_frames,
    )
    yield plain_gauge(
        "published_bytes",
        "bytes of published frames that are kept for subscribers",
        watched.published_bytes(),
    )
    windows = {
        "complete": merged.complete,
        "incomplete": merged.incomplete,
        "undrawn": merged.undrawn,
    }
    yield counter_by("merged_windows", "windows of merges that are over", "result", windows)
    yield plain_counter(
        "merge_late_frames",
        "frames that came when their window was over",
        merged.late_frames,
    )
