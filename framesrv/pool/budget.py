"""One limit on the bytes of all pools.

The named pools count in full from the start. What is left is reserved buffer by buffer, at run
time, for images of other sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from framesrv.errors import BadConfig

if TYPE_CHECKING:
    from framesrv.pool.ladder import SizePool


class ByteBudget:
    def __init__(self, total_bytes: int) -> None:
        if not isinstance(total_bytes, int) or total_bytes < 1:
            raise BadConfig(
                f"budget_bytes must be a whole number of at least 1, not {total_bytes!r}"
            )
        self.total_bytes = total_bytes
        self.named: dict[str, int] = {}
        self.elastic: list[SizePool] = []

    @property
    def named_bytes(self) -> int:
        return sum(self.named.values())

    @property
    def elastic_bytes(self) -> int:
        """What may be reserved at run time."""
        return self.total_bytes - self.named_bytes

    @property
    def reserved_bytes(self) -> int:
        """What is reserved now: buffers that exist, and those being made."""
        return sum(pool.held_bytes + pool.promised_bytes for pool in self.elastic)

    @property
    def free_bytes(self) -> int:
        return self.elastic_bytes - self.reserved_bytes

    def count_in(self, worst_cases: Mapping[str, int]) -> None:
        """*locked* Reserve named pools in full, or refuse the configuration."""
        named = {**self.named, **worst_cases}
        wanted = sum(named.values())
        for pool in self.elastic:
            pool.make_room(sum(worst_cases.values()))
        if wanted + self.reserved_bytes > self.total_bytes:
            parts = ", ".join(f"{pool} {nbytes:,}" for pool, nbytes in named.items())
            raise BadConfig(
                f"the pools need {wanted:,} bytes ({parts}) but the budget is {self.total_bytes:,} "
                f"({self.reserved_bytes:,} of it lent to other sizes now): lower a capacity or a "
                f"size, or set FRAMESRV_POOL_BUDGET_BYTES to {wanted} or more"
            )
        self.named = named
