"""Work on a picture a few rows at a time, so that what it needs besides stays in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

STRIPE_BYTES: Final = 256 * 1024


def stripes(pixels: npt.NDArray[Any]) -> Iterator[slice]:
    """Even numbers of rows, so that the chroma of a planar format is cut with its luma.

    >>> list(stripes(np.empty((5, 64 * 1024), np.uint8)))
    [slice(0, 4, None), slice(4, 8, None)]
    """
    row_bytes = max(1, pixels[:1].nbytes)
    rows = max(2, STRIPE_BYTES // row_bytes & ~1)
    for top in range(0, len(pixels), rows):
        yield slice(top, top + rows)


def swap_red_and_blue(pixels: Pixels) -> None:
    """In place. OpenCV makes a copy of the source for that: of a stripe, then, not of all.

    The copy is not traced by Python, but a frame of it is a page fault for each 4 KiB.
    """
    for rows in stripes(pixels):
        stripe = pixels[rows]
        cv2.cvtColor(stripe, cv2.COLOR_RGB2BGR, dst=stripe)
