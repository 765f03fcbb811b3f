"""What a pool tells about itself, all of it read in one consistent moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PoolStats:
    """One scrape. The identities below hold in every one, also under load.

    hits + misses = gets; gets - returns = leased; returns - discards = recycled;
    warmed + misses - discards - trimmed = idle + leased + quarantined <= capacity.
    """

    pool: str
    capacity: int
    idle: int
    leased: int
    quarantined: int
    waiting: int
    gets: int
    misses: int
    returns: int
    warmed: int
    trimmed: int
    timeouts: int
    oldest_lease_age_s: float
    discards_by_reason: Mapping[str, int] = field(default_factory=dict)
    leaks_by_kind: Mapping[str, int] = field(default_factory=dict)
    misuse_by_kind: Mapping[str, int] = field(default_factory=dict)
    bytes_by_state: Mapping[str, int] = field(default_factory=dict)

    @property
    def existing(self) -> int:
        return self.idle + self.leased + self.quarantined

    @property
    def hits(self) -> int:
        return self.gets - self.misses

    @property
    def hit_rate(self) -> float:
        """The share of borrows that a waiting buffer served; 1.0 before the first."""
        return self.hits / self.gets if self.gets else 1.0

    @property
    def discards(self) -> int:
        return sum(self.discards_by_reason.values())

    @property
    def recycled(self) -> int:
        return self.returns - self.discards

    @property
    def leaks(self) -> int:
        return sum(self.leaks_by_kind.values())

    @property
    def misuse(self) -> int:
        return sum(self.misuse_by_kind.values())

    @property
    def bytes_total(self) -> int:
        return sum(self.bytes_by_state.values())
