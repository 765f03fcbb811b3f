"""A part of the frame, as a view: no pixel is copied."""

from __future__ import annotations

from dataclasses import dataclass

from framesrv.errors import Reason, Refused
from framesrv.frames.faults import Fault
from framesrv.ops.rules import MAX_SIDE, refuse_planar, whole_faults
from framesrv.ops.step import Form, Pixels, Step


@dataclass(frozen=True, slots=True)
class Crop:
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    def faults(self) -> list[Fault]:
        return [
            *whole_faults("x", self.x, 0, MAX_SIDE - 1),
            *whole_faults("y", self.y, 0, MAX_SIDE - 1),
            *whole_faults("width", self.width, 1, MAX_SIDE),
            *whole_faults("height", self.height, 1, MAX_SIDE),
        ]

    def step(self, form: Form) -> Step:
        refuse_planar("crop", form)
        right, bottom = self.x + self.width, self.y + self.height
        if right > form.width or bottom > form.height:
            raise Refused(
                Reason.BAD_GEOMETRY,
                f"the crop of {self.width}x{self.height} at x={self.x}, y={self.y} does not lie "
                f"inside the frame of {form.width}x{form.height}",
            )
        if (self.width, self.height) == (form.width, form.height):
            return Step(form)
        rows, columns = slice(self.y, bottom), slice(self.x, right)

        def view(src: Pixels) -> Pixels:
            return src[rows, columns]

        return Step(Form(self.width, self.height, form.format), view=view)
