"""How news leaves the pool: a small protocol, every method of which does nothing by default.

Methods run outside the pool's lock, in whatever thread the news arose, possibly inside
garbage collection: they must be quick and must not borrow from a pool. Borrowing and
returning themselves are not observed; they are read from ``pool.stats()``.
"""

from __future__ import annotations


class PoolObserver:
    def waited(self, pool: str, wait_s: float) -> None:
        """A borrower stood in the queue for ``wait_s`` and was served."""

    def held(self, pool: str, hold_s: float) -> None:
        """A traced lease (one in 128 by default) came home after ``hold_s``."""

    def missed(self, pool: str) -> None:
        """A buffer was allocated because none was idle."""

    def timed_out(self, pool: str, wait_s: float) -> None:
        """A borrower waited ``wait_s`` in vain."""

    def discarded(self, pool: str, why: str) -> None:
        """A buffer came home and was not kept."""

    def trimmed(self, pool: str, buffers: int) -> None:
        """Idle buffers were given back to the operating system."""

    def leaked(self, pool: str, kind: str, detail: str) -> None:
        """A lease was dropped without release, or is held for too long."""

    def leak_came_back(self, pool: str, detail: str) -> None:
        """A lease that was reported as held for too long is home."""

    def misused(self, pool: str, kind: str, detail: str) -> None:
        """A borrower broke the contract; an error was raised as well where one can be."""

    def quarantine_lasts(self, pool: str, detail: str) -> None:
        """A returned buffer has been kept by its last holder for more than a second."""


SILENT = PoolObserver()
