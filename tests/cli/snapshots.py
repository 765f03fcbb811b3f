"""What a server tells its dashboards, made up."""

from __future__ import annotations

import copy
from typing import Any

POINT = {
    "at_ms": 1_000_000, "fps": 412.3, "failed": 0.0, "dropped": 3.0, "refused": 0.0,
    "p50_ms": 3.1, "p95_ms": 7.2, "p99_ms": 11.8, "busy": 0.79,
}  # fmt: skip


def pool(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "name": name, "capacity": 8, "idle": 2, "leased": 2, "quarantined": 0, "waiting": 0,
        "bytes": 1_638_400, "gets": 1000, "misses": 0, "hit_rate": 1.0, "timeouts": 0,
        "oldest_s": 0.0, "wait_p99_ms": None,
    }  # fmt: skip
    return plain | more


def stream(name: str, **more: Any) -> dict[str, Any]:
    plain = {
        "id": name, "fps": 30.0, "age_s": 0.02, "received": 900, "ok": 890, "failed": 3,
        "dropped": 0, "in_flight": 7, "window": 64, "published": False, "preview": False,
    }  # fmt: skip
    return plain | more


def trouble(reason: str, text: str = "the JPEG is cut short", **more: Any) -> dict[str, Any]:
    plain = {
        "reason": reason, "kind": "frames", "count": 7, "at_ms": 995_000, "text": text,
        "stream": "front-door", "request": "",
    }  # fmt: skip
    return plain | more


def snapshot(**more: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "server": {
            "id": "a", "version": "0.1.0", "python": "3.11.2", "state": "ready",
            "started_at_ms": 0, "workers": 2, "debug": "sample",
        },
        "at_ms": 1_000_000, "every_ms": 1000, "point": POINT,
        "totals": {"ok": 12_345, "failed": 7, "dropped": 0, "refused_calls": 0},
        "in_flight": {"frames": 5, "bytes": 750_000},
        "memory": {"pools_bytes": 15e6, "budget_bytes": 2**29, "resident_bytes": 141e6},
        "stages": {"decode": {"p50_ms": 1.9, "p95_ms": 3.0, "p99_ms": 4.0}, "total": None},
        "gc": {"p99_ms": None},
        "pools": [pool("rgba_320"), pool("jpeg", gets=0), pool("ladder", capacity=21_058)],
        "streams": {"open": 1, "shown": [stream("front-door")]},
        "errors": [trouble("IMAGE_CORRUPT")],
    }  # fmt: skip
    return copy.deepcopy(plain | more)
