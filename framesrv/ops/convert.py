"""Between pixel formats. Grey and NV12 or I420 are BT.601; alpha is 255 when it is added.

The chroma of NV12 and I420 is that of the upper left pixel of each 2x2, as OpenCV has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np

from framesrv.errors import Reason, Refused
from framesrv.frames.faults import Fault
from framesrv.frames.layout import PixelFormat
from framesrv.ops.rules import landed, refuse_planar
from framesrv.ops.step import Form, Pixels, Step

_CV2_NAMES: Final[Mapping[PixelFormat, str]] = MappingProxyType(
    {
        PixelFormat.BGR24: "BGR",
        PixelFormat.RGB24: "RGB",
        PixelFormat.RGBA32: "RGBA",
        PixelFormat.BGRA32: "BGRA",
        PixelFormat.GRAY8: "GRAY",
    }
)
_ALLOWED: Final = "one of " + ", ".join(
    f"{known.name} ({known.value})" for known in PixelFormat if known
)

# From one interleaved format to another.
COLOUR_CODES: Final[Mapping[tuple[PixelFormat, PixelFormat], int]] = MappingProxyType(
    {
        (source, target): getattr(cv2, f"COLOR_{_CV2_NAMES[source]}2{_CV2_NAMES[target]}")
        for source, target in permutations(_CV2_NAMES, 2)
    }
)
_I420_CODES: Final[Mapping[PixelFormat, int]] = MappingProxyType(
    {
        source: getattr(cv2, f"COLOR_{name}2YUV_I420")
        for source, name in _CV2_NAMES.items()
        if source is not PixelFormat.GRAY8
    }
)
# Grey runs from 0 to 255, limited-range luma from 16 to 235; chroma without colour is 128.
_LIMITED_LUMA: Final = np.rint(np.arange(256) * (219 / 255) + 16).astype(np.uint8)
_NO_COLOUR: Final = 128


@dataclass(frozen=True, slots=True)
class Convert:
    format: PixelFormat | int = PixelFormat.UNSPECIFIED

    def faults(self) -> list[Fault]:
        known = isinstance(self.format, int) and self.format in set(PixelFormat)
        if known and self.format != PixelFormat.UNSPECIFIED:
            return []
        return [Fault("format", self.format, _ALLOWED)]

    def step(self, form: Form) -> Step:
        refuse_planar("convert", form)
        target = Form(form.width, form.height, PixelFormat(self.format))
        if target.format in (PixelFormat.NV12, PixelFormat.I420):
            return _to_planar(form, target)
        if target == form:
            return Step(form)
        code = COLOUR_CODES[form.format, target.format]

        def work(src: Pixels, dst: Pixels) -> Pixels:
            return landed(cv2.cvtColor(src, code, dst=dst), dst)

        return Step(target, work)


def _to_planar(form: Form, target: Form) -> Step:
    if form.width % 2 or form.height % 2:
        raise Refused(
            Reason.BAD_GEOMETRY,
            f"{target.format.name} needs even sides, and the frame is {form.width}x{form.height}",
        )
    height, width = form.height, form.width
    if form.format is PixelFormat.GRAY8:

        def from_grey(src: Pixels, dst: Pixels) -> Pixels:
            luma = dst[:height]
            landed(cv2.LUT(src, _LIMITED_LUMA, dst=luma), luma)
            dst[height:] = _NO_COLOUR
            return dst

        return Step(target, from_grey)
    code = _I420_CODES[form.format]

    def to_i420(src: Pixels, dst: Pixels) -> Pixels:
        return landed(cv2.cvtColor(src, code, dst=dst), dst)

    if target.format is PixelFormat.I420:
        return Step(target, to_i420)

    # OpenCV makes no NV12: its two planes of chroma are moved aside and merged back.
    def to_nv12(src: Pixels, dst: Pixels, scratch: Pixels) -> Pixels:
        to_i420(src, dst)
        np.copyto(scratch, dst[height:])
        planes = scratch.reshape(2, height // 2, width // 2)
        pairs = dst[height:].reshape(height // 2, width // 2, 2)
        landed(cv2.merge((planes[0], planes[1]), dst=pairs), pairs)
        return dst

    return Step(target, to_nv12, scratch=(height // 2, width))
