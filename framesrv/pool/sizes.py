"""The size ladder: a geometric row of byte sizes, so that any image finds a buffer that fits.

Four classes a doubling waste at most 19 % (rounding up to the next class), on average half of
that; docs/adr/0007 has the measurement.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from framesrv.errors import BadConfig
from framesrv.pool.memory import mapped_bytes

SMALLEST_BYTES: Final = 16 * 1024
LARGEST_BYTES: Final = 64 * 1024 * 1024  # 16,777,216 pixels of four channels
PER_DOUBLING: Final = 4


class SizeClasses:
    """
    >>> classes = SizeClasses(smallest_bytes=1 << 20, largest_bytes=1 << 22)
    >>> [round(size / (1 << 20), 2) for size in classes.sizes]
    [1.0, 1.19, 1.42, 1.68, 2.0, 2.38, 2.83, 3.37, 4.0]
    >>> classes.sizes[classes.index(1_100_000)] >= 1_100_000
    True
    >>> classes.index(1 << 23) is None
    True
    """

    def __init__(
        self,
        smallest_bytes: int = SMALLEST_BYTES,
        largest_bytes: int = LARGEST_BYTES,
        per_doubling: int = PER_DOUBLING,
    ) -> None:
        if not 1 <= smallest_bytes <= largest_bytes:
            raise BadConfig(
                f"size classes need 1 <= smallest_bytes <= largest_bytes, not {smallest_bytes!r} "
                f"and {largest_bytes!r}"
            )
        if per_doubling < 1:
            raise BadConfig(f"per_doubling must be at least 1, not {per_doubling!r}")
        self.sizes = _ladder(smallest_bytes, largest_bytes, per_doubling)

    def index(self, nbytes: int) -> int | None:
        """The smallest class that holds ``nbytes``; None past the ladder's end."""
        index = bisect_left(self.sizes, nbytes)
        return index if index < len(self.sizes) else None


def _ladder(smallest_bytes: int, largest_bytes: int, per_doubling: int) -> tuple[int, ...]:
    """Whole pages, since that is what a mapping takes."""
    end = mapped_bytes(largest_bytes)
    sizes: set[int] = set()
    step = 0
    while (size := mapped_bytes(round(smallest_bytes * 2 ** (step / per_doubling)))) < end:
        sizes.add(size)
        step += 1
    return (*sorted(sizes), end)
