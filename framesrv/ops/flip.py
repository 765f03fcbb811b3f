"""Mirror images: horizontal swaps left and right, vertical swaps top and bottom."""

from __future__ import annotations

from dataclasses import dataclass

import cv2

from framesrv.frames.faults import Fault
from framesrv.ops.rules import landed, refuse_planar
from framesrv.ops.step import Form, Pixels, Step


@dataclass(frozen=True, slots=True)
class Flip:
    horizontal: bool = False
    vertical: bool = False

    def faults(self) -> list[Fault]:
        return []  # neither is allowed, and does nothing

    def step(self, form: Form) -> Step:
        refuse_planar("flip", form)
        if not (self.horizontal or self.vertical):
            return Step(form)
        axis = -1 if self.horizontal and self.vertical else int(self.horizontal)

        def work(src: Pixels, dst: Pixels) -> Pixels:
            return landed(cv2.flip(src, axis, dst=dst), dst)

        return Step(form, work)
