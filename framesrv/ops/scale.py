"""From one size to another: the arithmetic of ``resize``, without its geometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import cv2

from framesrv.ops.rules import landed
from framesrv.ops.step import Pixels

Size = tuple[int, int]  # width, height

_PHASES_MAX: Final = 16


class Scaling(NamedTuple):
    """``work`` may be given a strided array to write to."""

    work: Callable[..., Any]
    scratch: Size | None = None


def scaling(source: Size, target: Size, interpolation: int) -> Scaling:
    """``interpolation`` is OpenCV's number."""
    if interpolation == cv2.INTER_AREA:
        quick = _quick_area(source, target)
        if quick is not None:
            return quick

    def work(src: Pixels, dst: Pixels) -> Pixels:
        return landed(cv2.resize(src, target, dst=dst, interpolation=interpolation), dst)

    return Scaling(work)


def _quick_area(source: Size, target: Size) -> Scaling | None:
    """The box average for 1:1 or 2:1 across and ``n + 1`` to ``n`` down; else None.

    OpenCV's INTER_AREA takes one general path, in floating point and without vector
    instructions, unless both ratios are whole. Where an output row is the mean of two input
    rows in one of ``n`` proportions, each proportion is one ``addWeighted`` of every n-th row;
    and across, bilinear at exactly 2:1 is the mean of two pixels. 640x360 to 320x320 takes
    about a quarter of the time (``tests/ops/test_scale.py`` says how to compare the two). Each
    pass rounds once, so a value is at most 1 off.
    """
    halves = source[0] == 2 * target[0]
    groups = source[1] - target[1]
    if not (halves or source[0] == target[0]) or groups <= 0 or target[1] % groups:
        return None
    phases = target[1] // groups
    if phases == 1 or phases > _PHASES_MAX:
        return None

    def blend(src: Pixels, dst: Pixels) -> Pixels:
        for phase in range(phases):
            last = (phase + 1) / (phases + 1)
            rows = dst[phase::phases]
            above, below = src[phase :: phases + 1], src[phase + 1 :: phases + 1]
            landed(cv2.addWeighted(above, 1 - last, below, last, 0, dst=rows), rows)
        return dst

    if not halves:
        return Scaling(blend)
    narrow = (target[0], source[1])

    def halve_and_blend(src: Pixels, dst: Pixels, scratch: Pixels) -> Pixels:
        landed(cv2.resize(src, narrow, dst=scratch, interpolation=cv2.INTER_LINEAR), scratch)
        return blend(scratch, dst)

    return Scaling(halve_and_blend, narrow)
