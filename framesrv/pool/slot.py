"""One buffer of a pool, and the count of its turns.

``turns`` goes up by one when the buffer is lent and by one when it comes home, so it is odd
while it is out. Only the one who holds the buffer changes it: no two threads ever add to the
same count, nothing is lost and nothing is locked. Gets, returns and the number of leases out
are sums over these counts, made when somebody asks.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from framesrv.pool.holder import HERE, Holder

if TYPE_CHECKING:
    from framesrv.pool.base import Pool
    from framesrv.pool.debug.trace import Trace


class Slot:
    __slots__ = (
        "borrow",
        "go_home",
        "holder",
        "item",
        "last_shape",
        "leaked",
        "mark",
        "overdue",
        "parked",
        "parked_long",
        "pool",
        "refs",
        "resetting",
        "ripe",
        "shape",
        "since",
        "turns",
        "watch",
        "way_back",
    )

    def __init__(self, pool: Pool[Any], item: Any, shape: tuple[int, ...] = ()) -> None:
        self.pool = pool
        self.item = item  # the owner of the memory, or the pooled object itself
        self.shape = shape  # of the view to lend, where that varies
        self.turns = 0
        self.parked = False  # in quarantine: home, but its last holder still has a hand on it
        self.parked_long = False  # and that was reported
        self.leaked = False  # it came home without its lease, and nobody made it ready
        self.resetting: weakref.ref[Any] | None = None  # a reset that is to run, or runs
        self.ripe = False  # the kept handle is known to be gone
        self.since = 0.0  # when it was lent last
        self.holder: Holder = HERE.thread  # who borrowed it last
        self.mark = (-1, 0.0)  # trimming: turns and time when it was first seen unused
        self.overdue = -1  # the turns at which it was reported as held for too long
        self.watch: weakref.ref[Any] | None = None  # on a handle kept after release
        self.last_shape = shape  # debug: of the view that came home last
        self.refs = 0  # debug: references to the item just after it was lent
        self.borrow: Trace | None = None  # debug: where it was borrowed
        self.way_back: Trace | None = None  # debug: where it was returned
        self.go_home: Callable[[Slot], object] = pool.home_of(self)

    @property
    def is_lent(self) -> bool:
        return bool(self.turns & 1)

    @property
    def gets(self) -> int:
        return (self.turns + 1) >> 1

    @property
    def returns(self) -> int:
        return self.turns >> 1
