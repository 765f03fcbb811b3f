"""The errors of the pool. Each message says what was wrong and what to do."""

from __future__ import annotations

from framesrv.errors import FramesrvError, Reason


class PoolError(FramesrvError):
    """The base of everything that a pool raises on purpose."""


class PoolExhausted(PoolError):
    """No buffer came free in time. The message holds the numbers."""

    reason = Reason.POOL_TIMEOUT


class PoolDeadlock(PoolExhausted):
    """Nobody in a ring of waiters can go on: each holds what the next one waits for."""


class BudgetExhausted(PoolExhausted):
    """The byte budget had no room in time."""

    reason = Reason.MEMORY_BUDGET


class JobTooLarge(PoolError):
    """A job that would not fit into the byte budget even if it were alone."""

    reason = Reason.IMAGE_TOO_LARGE


class PoolClosed(PoolError):
    """The pool lends nothing any more."""

    reason = Reason.DRAINING


class DoubleRelease(PoolError):
    """A lease was released a second time."""


class UseAfterRelease(PoolError):
    """A released lease was touched."""


class WriteAfterRelease(PoolError):
    """Somebody wrote into a buffer that had gone back to its pool."""


class RetainedView(PoolError):
    """A view derived from a lent array outlived its lease."""


class ForeignObject(PoolError):
    """Something was handed to a pool that this pool never lent."""
