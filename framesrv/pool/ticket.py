"""A place in the queue. The states of one, and the steps between them:

    WAITING --all granted--> READY --collected--> TAKEN
       |                       |
       +--gave up, refused-----+----------------> LEFT   (whatever was granted goes back)

A ticket asks for one buffer, or for a whole set. It is changed under the room's lock only,
but ``state`` may be read by anybody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum, auto
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from framesrv.pool.holder import Holder
from framesrv.pool.slot import Slot

if TYPE_CHECKING:
    from framesrv.pool.base import Pool

_numbers = count(1)


class State(Enum):
    WAITING = auto()
    READY = auto()
    TAKEN = auto()
    LEFT = auto()


class Permit:
    """Granted in place of a buffer: room in the pool is reserved, the taker allocates."""

    __slots__ = ("__weakref__", "reserved_bytes")

    def __init__(self, reserved_bytes: int = 0) -> None:
        self.reserved_bytes = reserved_bytes


class Waker(Protocol):
    """How a waiter hears that its ticket is ready, or refused."""

    def wake(self) -> bool:
        """Called under the room's lock. False: nobody will ever hear it."""

    def alive(self) -> bool:
        """Whether somebody may still come for the ticket."""


class Nobody:
    """The waker of a ticket that is looked at and dropped at once."""

    def wake(self) -> bool:
        return True

    def alive(self) -> bool:
        return True


NOBODY = Nobody()


class Want:
    """One buffer that a ticket asks for: of which pool, and in which shape."""

    __slots__ = ("grant", "pool", "shape", "ticket")

    ticket: Ticket

    def __init__(self, pool: Pool[Any], shape: tuple[int, ...] = ()) -> None:
        self.pool = pool
        self.shape = shape
        self.grant: Slot | Permit | None = None


class Ticket:
    __slots__ = (
        "__weakref__",
        "abandoned",
        "deadline",
        "holder",
        "leads",
        "number",
        "refusal",
        "state",
        "waker",
        "wants",
    )

    def __init__(
        self, wants: Sequence[Want], holder: Holder, waker: Waker, deadline: float = math.inf
    ) -> None:
        self.number = next(_numbers)
        self.wants = wants
        self.holder = holder
        self.waker = waker
        self.deadline = deadline
        self.state = State.WAITING
        self.abandoned = False  # its owner has gone; whoever finds it steps out for him
        self.leads = False  # it is at the front of a line, and looks for lost buffers
        self.refusal: Exception | None = None
        for want in wants:
            want.ticket = self

    @property
    def lacking(self) -> list[Want]:
        return [want for want in self.wants if want.grant is None]
