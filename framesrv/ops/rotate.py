"""Quarter turns, clockwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import cv2

from framesrv.frames.faults import Fault
from framesrv.ops.rules import landed, refuse_planar
from framesrv.ops.step import Form, Pixels, Step

_CODES: Final[Mapping[int, int]] = MappingProxyType(
    {
        90: cv2.ROTATE_90_CLOCKWISE,
        180: cv2.ROTATE_180,
        270: cv2.ROTATE_90_COUNTERCLOCKWISE,
    }
)


@dataclass(frozen=True, slots=True)
class Rotate:
    degrees: int = 0

    def faults(self) -> list[Fault]:
        if isinstance(self.degrees, int) and self.degrees in _CODES:
            return []
        return [Fault("degrees", self.degrees, "90, 180 or 270")]

    def step(self, form: Form) -> Step:
        refuse_planar("rotate", form)
        code = _CODES[self.degrees]

        def work(src: Pixels, dst: Pixels) -> Pixels:
            return landed(cv2.rotate(src, code, dst=dst), dst)

        on_its_side = self.degrees != 180
        sides = (form.height, form.width) if on_its_side else (form.width, form.height)
        return Step(Form(*sides, form.format), work)
