"""0xFF into every returned buffer, and a look whether it is still there before the next lend.

What differs was written by somebody who had given the buffer back.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any, Generic

import numpy as np

from framesrv.pool.debug.marks import Mark
from framesrv.pool.debug.trace import Trace
from framesrv.pool.debug.wrapper import Wrapper
from framesrv.pool.errors import RetainedView, WriteAfterRelease
from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.slot import Slot


class Poisoned(Wrapper[LeaseT], Generic[LeaseT]):
    def __init__(self, inner: Kind[LeaseT], mark: Mark) -> None:
        super().__init__(inner)
        self._mark = mark

    def make(self, shape: tuple[int, ...]) -> Any:
        """New buffers are lent at once or lie idle: either way they begin marked."""
        item = super().make(shape)
        self._mark.put_on(item)
        return item

    def lend(self, slot: Slot) -> LeaseT:
        damage = self._mark.damage(slot)
        try:
            if damage is not None:
                raise slot.pool.misused("write_after_release", _written(slot, damage))
            lease = super().lend(slot)
        except BaseException:
            self._mark.put_on(slot.item)
            raise
        slot.refs = getrefcount(slot.item)
        return lease

    def settle(self, lease: Any, slot: Slot) -> None:
        slot.way_back = Trace()
        slot.last_shape = slot.shape
        # Measured against the borrow: then the last holder's handle may still have been dying.
        kept = getrefcount(slot.item) - slot.refs if isinstance(slot.item, np.ndarray) else 0
        try:
            self._mark.put_on(slot.item)
        except BaseException:  # a record's mark is its reset, which is foreign code
            slot.pool.discard_soon(slot, "reset_failed")
            raise
        super().settle(lease, slot)
        if kept > 0:
            raise slot.pool.misused("retained_view", _retained(slot, kept))

    def reset(self, slot: Slot) -> None:
        super().reset(slot)
        slot.way_back = None  # it came home without its lease
        self._mark.put_on(slot.item)

    def freshen(self, slot: Slot) -> None:
        """Leave the content alone: what the keeper wrote is found before the next lend."""
        self._mark.rewind(slot.item)


def _retained(slot: Slot, kept: int) -> RetainedView:
    return RetainedView(
        f"pool {slot.pool.name!r}: {kept} view(s) derived from the lent array (a slice, a reshape) "
        "outlived its lease; copy what you keep, or `del` the view before the release. The buffer "
        f"is quarantined until then.\nBorrowed at:\n{_text(slot.borrow)}"
        f"\nReturned at:\n{_text(slot.way_back)}"
    )


def _written(slot: Slot, damage: str) -> WriteAfterRelease:
    return WriteAfterRelease(
        f"pool {slot.pool.name!r}: a returned buffer was written to: {damage}. Its last holder "
        f"kept a pointer or a view.\nBorrowed at:\n{_text(slot.borrow)}"
        f"\nReturned at:\n{_text(slot.way_back)}"
    )


def _text(trace: Trace | None) -> str:
    return trace.text() if trace is not None else "  (not by a release)"
