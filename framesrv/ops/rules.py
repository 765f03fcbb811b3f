"""What all operations hold to."""

from __future__ import annotations

from typing import Final

from framesrv.errors import Reason, Refused
from framesrv.frames.faults import Fault
from framesrv.ops.step import Form, Pixels

# Of what one operation may make; the server's own caps may be lower, and the planner checks them.
MAX_SIDE: Final = 8_192
MAX_PIXELS: Final = 16_777_216


def whole_faults(name: str, value: object, least: int, most: int) -> list[Fault]:
    """
    >>> [str(fault) for fault in whole_faults("width", 9000, 1, MAX_SIDE)]
    ['width is 9000 and must be a whole number from 1 to 8192']
    """
    if isinstance(value, int) and least <= value <= most:
        return []
    return [Fault(name, value, f"a whole number from {least} to {most}")]


def refuse_planar(op: str, form: Form) -> None:
    """NV12 and I420 leave the pipeline at once: nothing works on their planes."""
    if form.layout.is_planar:
        raise Refused(
            Reason.BAD_PIPELINE,
            f"{op} after a conversion to {form.format.name}: that conversion must come last",
        )


def landed(result: object, dst: Pixels) -> Pixels:
    """What an OpenCV call returned, if it is the array that was given as ``dst``.

    Where OpenCV does not like a ``dst`` it allocates another and says nothing. ``dst`` would
    then go out with whatever it held before, which is somebody else's picture.
    """
    if result is not dst:
        raise RuntimeError("OpenCV did not write into the array that it was given")
    return dst
