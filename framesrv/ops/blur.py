"""A Gaussian blur of all channels; the frame is mirrored at its edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2

from framesrv.frames.faults import Fault
from framesrv.ops.rules import landed, refuse_planar
from framesrv.ops.step import Form, Pixels, Step

SIGMA_MAX: Final = 25.0  # pixels; time grows with it: 10 takes a quarter of a second at 16 MP


@dataclass(frozen=True, slots=True)
class Blur:
    sigma: float = 0.0

    def faults(self) -> list[Fault]:
        # NaN is not within any bounds.
        if isinstance(self.sigma, int | float) and 0 <= self.sigma <= SIGMA_MAX:
            return []
        return [Fault("sigma", self.sigma, f"a number from 0 to {SIGMA_MAX:g}")]

    def step(self, form: Form) -> Step:
        refuse_planar("blur", form)
        taps = kernel_taps(self.sigma)
        if taps == 1:
            return Step(form)
        sigma = float(self.sigma)

        def work(src: Pixels, dst: Pixels) -> Pixels:
            return landed(cv2.GaussianBlur(src, (taps, taps), sigma, dst=dst), dst)

        return Step(form, work)


def kernel_taps(sigma: float) -> int:
    """How many pixels a side of the kernel takes in: three sigma either way, and always odd.

    The rule is OpenCV's own for 8 bits. It is written out because one tap means that there is
    nothing to do, which is decided before OpenCV is called.

    >>> [kernel_taps(sigma) for sigma in (0, 0.08, 0.1, 1, 25)]
    [1, 1, 3, 7, 151]
    """
    return round(sigma * 6 + 1) | 1
