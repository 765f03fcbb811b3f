"""Arrays that are zeroed on return, for those who ask for it."""

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
