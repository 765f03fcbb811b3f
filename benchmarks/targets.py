"""What was promised. A figure without an entry here is for information only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.model import Target

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "roundtrip.sample": Target("<=", 1.0),
        "roundtrip.off": Target("<=", 0.8),
        "fresh.pages": Target(">=", 20),
        "threads.sample_8": Target(">=", 0.8),
        "contended.sample": Target("<=", 10),
        **{
            f"steady.{pool}_{measure}": Target("<=", limit)
            for pool in ("sample", "off", "bytesio", "bytearray", "record")
            for measure, limit in (("growth", 1023), ("peak", 4095))
        },
        "wire.read_batch": Target("<=", 8),
        "wire.write": Target("<=", 6),
        "serving.batch": Target("<=", 1.08),
        "serving.unary": Target("<=", 1.20),
        "serving.stream": Target("<=", 1.12),
        "serving.plain": Target("<=", 0.45),
        "serving.raw": Target("<=", 1.8),
        "serving.streams_100": Target("<=", 1.10),
        "serving.peer_unary": Target(">=", 2.2),
        "serving.peer_batch": Target(">=", 2.2),
        "latency.workers": Target(">=", 0.95),
        "latency.stream_p50": Target("<=", 5),
        "latency.stream_p99": Target("<=", 10),
        "latency.batch_p99": Target("<=", 60),
        "standing.doctor": Target("<=", 2),
        "standing.memory": Target("<=", 1.02),
        "standing.start": Target("<=", 1.5),
        "metrics.scraped": Target("<=", 1.01),
        "dashboards.each": Target("<=", 1),
        "dashboards.p50": Target("<=", 1.05),
        "dashboards.p99": Target("<=", 1.5),
        "subscribers.each": Target("<=", 60),
        "subscribers.ratio": Target("<=", 60 / 54),
        "stalled.p99": Target("<=", 1.1),
        "stalled.missed": Target("<=", 0),
        "stalled.lost": Target("<=", 0),
        "stalled.memory": Target("<=", 1),
        "merge.p99": Target("<=", 1000 / 30),  # one frame's time
        **{f"merge.{what}": Target("<=", 0) for what in ("lost", "partial", "disorder")},
        # memory
        "allocations.large_per_frame": Target("<=", 0.1),
        "allocations.fewer": Target(">=", 0.99),
        "allocations.misses": Target("<=", 0),
        "allocations.alive": Target("<=", 0.1),
        "allocations.growth": Target("<=", 64),
        "collector.p99": Target("<=", 1),
        "collector.longest": Target("<=", 5),
        "footprint.request": Target("<=", 50),
        "footprint.server": Target("<=", 500),
        "footprint.idle_pools": Target("<=", 10),
        # load
        "rising.hit_rate": Target(">=", 99.9),
        "closed.hit_rate": Target(">=", 99.9),
        "streams.hit_rate": Target(">=", 99.9),
        **{f"{name}.lost": Target("<=", 0) for name in ("rising", "closed", "streams", "crowd")},
        "overload.goodput": Target(">=", 0.9),
        "overload.p99": Target("<=", 2),
        # peers
        "peers.unary": Target(">=", 2.1),
        "peers.stream": Target(">=", 2.3),
        "peers.p99": Target("<=", 1),
        # soak
        **{
            f"soak.{level}_{what}": Target("<=", limit)
            for level in ("off", "sample", "poison")
            for what, limit in (
                ("slope", 1),  # the upper bound, MiB an hour
                ("descriptors", 0),
                ("threads", 0),
                ("lost", 0),
                ("leased", 0),
            )
        },
    }
)


def with_limits(changes: Mapping[str, float]) -> dict[str, Target]:
    """The targets with other limits, for a machine or a question that is not ours."""
    targets = dict(TARGETS)
    for key, limit in changes.items():
        targets[key] = Target(targets[key].relation, limit)
    return targets
