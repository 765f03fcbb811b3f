"""Time is up: what to tell somebody who waited in vain. Runs under the room's lock."""

from __future__ import annotations

from framesrv.pool.deadlock import find_ring
from framesrv.pool.errors import PoolDeadlock, PoolError
from framesrv.pool.line import drop_ghosts, leave, look_again
from framesrv.pool.room import ROOM
from framesrv.pool.ticket import State, Ticket, Want


def expire(ticket: Ticket, waited_s: float) -> None:
    """Give up the ticket's place. If it was served at the last moment, it is served."""
    if ticket.state is not State.WAITING:
        return
    if not ticket.lacking:  # an interrupt struck between the last grant and this: served after all
        look_again(ticket)
        return
    drop_ghosts(ticket.deadline)
    if ticket.state is not State.WAITING:
        return
    want = ticket.lacking[0]
    pool = want.pool
    ring = find_ring(ticket)
    text = f"{pool.shortage(want)} after {waited_s:.3f} s: {_numbers(want)}"
    error: PoolError = pool.exhausted_error(text)
    if ring:
        error = PoolDeadlock(f"{text}. A ring of waiters: {'; '.join(ring)}. {_RING_ADVICE}")
    ticket.refusal = error
    pool.timeouts += 1
    ROOM.later(lambda: pool.observer.timed_out(pool.name, waited_s))
    leave(ticket)


def _numbers(want: Want) -> str:
    """Of all pools in the line: those that share the byte budget are short of it together."""
    sharing = [pool.scrape() for pool in want.pool.line.pools]

    def total(number: str) -> int:
        return sum(getattr(stats, number) for stats in sharing)

    text = (
        f"total {total('existing')} of {total('capacity')}, leased {total('leased')}, "
        f"idle {total('idle')}, quarantined {total('quarantined')}, waiting {total('waiting')}, "
        f"oldest lease {max(stats.oldest_lease_age_s for stats in sharing):.3f} s old"
    )
    if total("quarantined"):
        text += (
            ". Quarantined buffers are home, but their last holder still keeps the array or "
            "object: `del` it before the release; a loop that keeps `a = lease.array` needs one "
            "buffer more per thread"
        )
    return text


_RING_ADVICE = "Borrow a job's buffers in one step: PoolManager.acquire_all"
