"""What `framesrv top` knows: the last snapshot, five minutes of points, and what they add up to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

POINTS_MAX: Final = 300  # five minutes, one a second
_GAP_MS: Final = 2500


@dataclass(slots=True)
class State:
    clock: Callable[[], float] = monotonic
    points: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=POINTS_MAX))
    snapshot: dict[str, Any] | None = None
    borrows: dict[str, float] = field(default_factory=dict)  # a second, by pool
    restarted_at: float | None = None
    heard_at: float = 0.0
    lost: str = ""  # why nothing is heard; empty while something is

    def take(self, name: str, data: dict[str, Any]) -> None:
        self.lost, self.heard_at = "", self.clock()
        if name == "history":
            self.points = deque(data["points"], maxlen=POINTS_MAX)
        elif name == "snapshot":
            self._count_borrows(data)
            self.snapshot = data
            point = data["point"]
            if not self.points or point["at_ms"] > self.points[-1]["at_ms"]:
                self.points.append(point)

    def lose(self, why: str) -> None:
        self.lost = why

    def _count_borrows(self, now: dict[str, Any]) -> None:
        before = self.snapshot
        self.borrows = {}
        if before is None:
            return
        if before["server"]["id"] != now["server"]["id"]:
            self.restarted_at = self.clock()  # and its counters began anew
            return
        seconds = (now["at_ms"] - before["at_ms"]) / 1000
        gets = {pool["name"]: pool["gets"] for pool in before["pools"]}
        if seconds > 0:
            for pool in now["pools"]:
                new = pool["gets"] - gets.get(pool["name"], pool["gets"])
                self.borrows[pool["name"]] = max(new, 0) / seconds

    def values(self, key: str) -> list[float | None]:
        """A value for each second, and None for those in which nobody has looked."""
        found: list[float | None] = []
        before = None
        for point in self.points:
            if before is not None and point["at_ms"] - before > _GAP_MS:
                missed = (point["at_ms"] - before) // 1000 - 1
                found += [None] * min(missed, POINTS_MAX)
            found.append(point[key])
            before = point["at_ms"]
        return found[-POINTS_MAX:]
