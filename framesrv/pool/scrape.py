"""Reading a pool's numbers in one moment. Runs under the room's lock.

Borrows and returns go on meanwhile, without the lock. Each slot's ``turns`` is read once, and
everything that must add up is derived from that one reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from framesrv.pool.stats import PoolStats

if TYPE_CHECKING:
    from framesrv.pool.base import Pool


def scrape(pool: Pool[Any]) -> PoolStats:
    buffers = {"idle": 0, "leased": 0, "quarantined": 0}
    nbytes = dict.fromkeys(buffers, 0)
    gets, returns = pool.retired_gets, pool.retired_returns
    for slot in pool.slots:
        turns = slot.turns
        gets += (turns + 1) >> 1
        returns += turns >> 1
        state = "leased" if turns & 1 else "quarantined" if slot.parked else "idle"
        buffers[state] += 1
        nbytes[state] += pool.kind.nbytes(slot)
    return PoolStats(
        pool=pool.name,
        capacity=pool.capacity,
        **buffers,
        waiting=waiting(pool),
        gets=gets,
        misses=pool.misses,
        returns=returns,
        warmed=pool.warmed,
        trimmed=pool.trimmed,
        timeouts=pool.timeouts,
        oldest_lease_age_s=oldest_lease_age_s(pool),
        discards_by_reason=dict(pool.discards),
        leaks_by_kind=dict(pool.leaks),
        misuse_by_kind={kind: counter.value for kind, counter in pool.misuse.items()},
        bytes_by_state=nbytes,
    )


def waiting(pool: Pool[Any]) -> int:
    return sum(1 for want in pool.line.queue if want is not None and want.pool is pool)


def oldest_lease_age_s(pool: Pool[Any]) -> float:
    since = [slot.since for slot in list(pool.slots) if slot.is_lent]
    return max(0.0, pool.clock.now() - min(since)) if since else 0.0
