"""A kind that wraps another kind and passes on what it does not change."""

from __future__ import annotations

from typing import Any, Generic

from framesrv.pool.kind import Kind, LeaseT
from framesrv.pool.slot import Slot


class Wrapper(Generic[LeaseT]):
    def __init__(self, inner: Kind[LeaseT]) -> None:
        self._inner = inner

    def make(self, shape: tuple[int, ...]) -> Any:
        return self._inner.make(shape)

    def lend(self, slot: Slot) -> LeaseT:
        return self._inner.lend(slot)

    def settle(self, lease: Any, slot: Slot) -> None:
        self._inner.settle(lease, slot)

    def is_free(self, slot: Slot) -> bool:
        return self._inner.is_free(slot)

    def reset(self, slot: Slot) -> None:
        self._inner.reset(slot)

    def freshen(self, slot: Slot) -> None:
        self._inner.freshen(slot)

    def spoiled(self, slot: Slot) -> str | None:
        return self._inner.spoiled(slot)

    def nbytes(self, slot: Slot) -> int:
        return self._inner.nbytes(slot)

    def nbytes_max(self) -> int:
        return self._inner.nbytes_max()

    @property
    def resets_by_foreign_code(self) -> bool:
        return self._inner.resets_by_foreign_code

    @property
    def uses_heap(self) -> bool:
        return self._inner.uses_heap
