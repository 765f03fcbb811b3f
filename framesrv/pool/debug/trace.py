"""Where in the program something happened: cheap to take, formatted only when shown."""

from __future__ import annotations

import linecache
import sys
from functools import cache
from pathlib import PurePath
from types import CodeType
from typing import Any, Final, Generic, cast

from framesrv.pool.debug.wrapper import Wrapper
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.lease import Lease
from framesrv.pool.room import ROOM
from framesrv.pool.slot import Slot

_FRAMES_MAX: Final = 12
_OUR_ROOM: Final = str(PurePath(__file__).parent.parent)


class Trace:
    """The innermost frames of the caller, without those of the pool itself.

    Holds code objects and line numbers, never frames: a frame would keep its locals alive,
    and with them the very buffers that are being watched.
    """

    __slots__ = ("_places",)

    def __init__(self) -> None:
        places: list[tuple[CodeType, int]] = []
        frame = sys._getframe(1)
        while frame is not None and len(places) < _FRAMES_MAX:
            if not frame.f_code.co_filename.startswith(_OUR_ROOM):
                places.append((frame.f_code, frame.f_lineno))
            frame = frame.f_back  # type: ignore[assignment]
        self._places = places

    def text(self) -> str:
        """As in a traceback: the most recent call last."""
        return "\n".join(_line(code, number) for code, number in reversed(self._places))


def _line(code: CodeType, number: int) -> str:
    try:
        source = linecache.getline(code.co_filename, number).strip()
    except Exception:  # the interpreter is shutting down, or the source is odd
        source = ""
    place = f'  File "{code.co_filename}", line {number}, in {code.co_name}'
    return f"{place}\n    {source}" if source else place


class Traced(Wrapper[LeaseT], Generic[LeaseT]):
    """Lets one lease in ``one_in`` (of each buffer) carry the stack of its borrow.

    Such a lease is also watched: how long it is held, and whether it is dropped unreleased.
    """

    def __init__(self, inner: Kind[LeaseT], *, one_in: int) -> None:
        super().__init__(inner)
        self._lend = inner.lend
        self.settle = inner.settle  # type: ignore[method-assign]  # one call less a return
        self._mask = 2 * one_in - 1  # a borrow and its return are two turns

    def lend(self, slot: Slot) -> LeaseT:
        lease = self._lend(slot)
        if slot.turns & self._mask == 1:
            slot.borrow = Trace()
            lease.__class__ = watched(cast(Any, lease.__class__))
        else:
            slot.borrow = None
        return lease


class _Watch(Lease):
    """Comes before a lease's own class when it is watched: its release and its death tell."""

    __slots__ = ()

    def release(self) -> None:
        slot = getattr(self, "_slot", None)
        if slot is not None:
            pool, held_s = slot.pool, slot.pool.clock.now() - slot.since
            ROOM.tell(lambda: pool.observer.held(pool.name, held_s))
        super().release()

    def __del__(self) -> None:
        try:
            slot = self._slot
            del self._slot
        except AttributeError:
            return
        slot.pool.lost(slot)


@cache
def watched(lease_class: Any) -> type[Any]:
    return type(f"Watched{lease_class.__name__}", (_Watch, lease_class), {"__slots__": ()})
