"""What every bounded pool may be told besides its sizes."""

from __future__ import annotations

from typing import TypedDict

from framesrv.pool.clock import Clock
from framesrv.pool.debug import DebugLevel
from framesrv.pool.observer import PoolObserver


class PoolOptions(TypedDict, total=False):
    warm: int | None
    """How many buffers exist from the start, and stay when idle; by default all."""
    debug: DebugLevel | str | None
    """How closely borrowers are watched; by default what FRAMESRV_POOL_DEBUG says."""
    observer: PoolObserver
    """Who is told of misses, waits, leaks and misuse."""
    clock: Clock
    """For tests that move the time themselves."""
