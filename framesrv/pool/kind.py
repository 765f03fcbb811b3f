"""What a pool pools: how one buffer is made, lent and taken back.

A ``Kind`` knows one sort of buffer and nothing of queues. The debug levels wrap a kind in
another one, so the plain path holds no question about debugging.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from framesrv.pool.lease import Lease
    from framesrv.pool.slot import Slot

LeaseT = TypeVar("LeaseT", bound="Lease")
LeaseT_co = TypeVar("LeaseT_co", bound="Lease", covariant=True)


class Kind(Protocol[LeaseT_co]):
    def make(self, shape: tuple[int, ...]) -> Any:
        """A new buffer, its memory touched. ``shape`` only matters where shapes vary."""

    def lend(self, slot: Slot) -> LeaseT_co:
        """A lease of the slot, which nobody else has."""

    def settle(self, lease: Any, slot: Slot) -> None:
        """Take the slot back from a lease that was just released."""

    def is_free(self, slot: Slot) -> bool:
        """Whether nobody but the pool can reach the buffer."""

    def reset(self, slot: Slot) -> None:
        """Make ready a buffer that came home without its lease."""

    def freshen(self, slot: Slot) -> None:
        """Make ready a buffer that leaves quarantine: its keeper may have written to it."""

    def spoiled(self, slot: Slot) -> str | None:
        """Why this buffer must not be kept; None if it may."""

    def nbytes(self, slot: Slot) -> int:
        """The memory that the buffer takes now."""

    def nbytes_max(self) -> int:
        """The most memory that a buffer at home can take."""

    @property
    def resets_by_foreign_code(self) -> bool:
        """Whether ``reset`` is somebody else's code, which must not run under a lock."""

    @property
    def uses_heap(self) -> bool:
        """Whether trimming must ask the C allocator to give pages back."""
