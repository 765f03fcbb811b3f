"""Arrays that are found zeroed, for those who ask for it."""

from __future__ import annotations

from typing import Any

from framesrv.pool.debug.wrapper import Wrapper
from framesrv.pool.lease import ArrayLease
from framesrv.pool.slot import Slot


class Cleared(Wrapper[ArrayLease]):
    def settle(self, lease: Any, slot: Slot) -> None:
        slot.item.fill(0)
        super().settle(lease, slot)

    def reset(self, slot: Slot) -> None:
        slot.item.fill(0)

    freshen = reset


class ClearedLate(Wrapper[ArrayLease]):
    """Zeroed when lent: where a mark lies on returned buffers, they cannot be zeroed before."""

    def lend(self, slot: Slot) -> ArrayLease:
        slot.item.fill(0)
        return super().lend(slot)
