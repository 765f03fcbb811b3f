"""What was asked of a frame: immutable values, as they came from the wire or the configuration.

Nothing here is checked; ``plan`` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from framesrv.frames.work import Encoding
from framesrv.ops.blur import Blur
from framesrv.ops.convert import Convert
from framesrv.ops.crop import Crop
from framesrv.ops.custom import Custom
from framesrv.ops.flip import Flip
from framesrv.ops.resize import Fit, Interpolation, Resize
from framesrv.ops.rotate import Rotate
from framesrv.ops.step import Op

__all__ = [
    "Blur",
    "Convert",
    "Crop",
    "Custom",
    "DecodeMode",
    "Fit",
    "Flip",
    "Interpolation",
    "Op",
    "OutputSpec",
    "PipelineSpec",
    "Resize",
    "Rotate",
]


class DecodeMode(IntEnum):
    """The numbers are the wire's."""

    UNSPECIFIED = 0  # fast
    FAST = 1  # a JPEG may be decoded at a fraction that still covers every output
    EXACT = 2  # full size, then the operations


@dataclass(frozen=True, slots=True)
class OutputSpec:
    name: str = ""
    ops: tuple[Op, ...] = ()
    encoding: Encoding | int = Encoding.UNSPECIFIED  # a number that is not known stays as it came
    quality: int = 0  # 1 to 100; 0: the server's default


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    outputs: tuple[OutputSpec, ...] = ()
    decode_mode: DecodeMode | int = DecodeMode.UNSPECIFIED
