"""To a given size: stretched, with bars around it, or with the rest cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np

from framesrv.errors import Reason, Refused
from framesrv.frames import copies
from framesrv.frames.faults import Fault
from framesrv.frames.layout import PixelFormat
from framesrv.ops.convert import COLOUR_CODES
from framesrv.ops.rules import MAX_PIXELS, MAX_SIDE, refuse_planar, whole_faults
from framesrv.ops.scale import Scaling, Size, scaling
from framesrv.ops.step import Form, Pixels, Step


class Interpolation(IntEnum):
    """The numbers are the wire's."""

    UNSPECIFIED = 0  # area when shrinking, linear when growing
    NEAREST = 1
    LINEAR = 2
    AREA = 3
    CUBIC = 4


class Fit(IntEnum):
    """The numbers are the wire's."""

    UNSPECIFIED = 0  # stretch
    STRETCH = 1
    CONTAIN = 2  # keep the aspect ratio, pad the rest
    COVER = 3  # keep the aspect ratio, crop the rest


_CV2: Final[Mapping[int, int]] = MappingProxyType(
    {
        Interpolation.NEAREST: cv2.INTER_NEAREST,
        Interpolation.LINEAR: cv2.INTER_LINEAR,
        Interpolation.AREA: cv2.INTER_AREA,
        Interpolation.CUBIC: cv2.INTER_CUBIC,
    }
)
_PAD_RGB_MAX: Final = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class Resize:
    """A side of 0 follows from the other and the frame's aspect ratio, and ``fit`` is moot."""

    width: int = 0
    height: int = 0
    # Numbers that this version does not know are kept as they came: faults() finds them.
    interpolation: Interpolation | int = Interpolation.UNSPECIFIED
    fit: Fit | int = Fit.UNSPECIFIED
    pad_rgb: int = 0

    def faults(self) -> list[Fault]:
        faults = [
            *whole_faults("width", self.width, 0, MAX_SIDE),
            *whole_faults("height", self.height, 0, MAX_SIDE),
        ]
        if not faults:
            if self.width == self.height == 0:
                faults.append(Fault("width", 0, "at least 1 where height is 0 too"))
            elif self.width * self.height > MAX_PIXELS:
                pixels = self.width * self.height
                faults.append(Fault("width times height", pixels, f"at most {MAX_PIXELS}"))
        faults += _enum_faults("interpolation", self.interpolation, Interpolation)
        faults += _enum_faults("fit", self.fit, Fit)
        if whole_faults("pad_rgb", self.pad_rgb, 0, _PAD_RGB_MAX):
            faults.append(Fault("pad_rgb", self.pad_rgb, "from 0 to 0xFFFFFF (16777215)"))
        return faults

    def step(self, form: Form) -> Step:
        refuse_planar("resize", form)
        result = Form(*self._size(form), form.format)
        if result == form:
            return Step(form)
        fit = self.fit if self.width and self.height else Fit.STRETCH
        if fit == Fit.CONTAIN:
            return self._contain(form, result)
        if fit == Fit.COVER:
            return self._cover(form, result)
        scale = self._scaling((form.width, form.height), (result.width, result.height))
        return Step(result, scale.work, scratch=_scratch(scale, form))

    def _size(self, form: Form) -> Size:
        width = self.width or _follow(form.width, self.height, form.height)
        height = self.height or _follow(form.height, self.width, form.width)
        if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
            raise Refused(
                Reason.IMAGE_TOO_LARGE,
                f"a frame of {form.width}x{form.height} resized to {self.width}x{self.height} "
                f"would be {width}x{height}: at most {MAX_SIDE} a side and {MAX_PIXELS} pixels "
                "are made",
            )
        return width, height

    def _contain(self, form: Form, box: Form) -> Step:
        if box.width * form.height <= box.height * form.width:
            width, height = box.width, _follow(form.height, box.width, form.width)
        else:
            width, height = _follow(form.width, box.height, form.height), box.height
        left, top = (box.width - width) // 2, (box.height - height) // 2
        rows, columns = slice(top, top + height), slice(left, left + width)
        scale = self._scaling((form.width, form.height), (width, height))
        bar = _bar(self.pad_rgb, box)
        left_bar, right_bar = bar[:, : columns.start], bar[:, columns.stop :]

        def work(src: Pixels, dst: Pixels, *scratch: Pixels) -> Pixels:
            dst[: rows.start] = bar
            dst[rows.stop :] = bar
            dst[rows, : columns.start] = left_bar
            dst[rows, columns.stop :] = right_bar
            scale.work(src, dst[rows, columns], *scratch)
            return dst

        return Step(box, work, scratch=_scratch(scale, form))

    def _cover(self, form: Form, box: Form) -> Step:
        if form.width * box.height >= form.height * box.width:
            width, height = _follow(box.width, form.height, box.height), form.height
        else:
            width, height = form.width, _follow(box.height, form.width, box.width)
        left, top = (form.width - width) // 2, (form.height - height) // 2
        rows, columns = slice(top, top + height), slice(left, left + width)
        if (width, height) == (box.width, box.height):
            return Step(box, view=lambda src: src[rows, columns])
        scale = self._scaling((width, height), (box.width, box.height))

        def work(src: Pixels, dst: Pixels, *scratch: Pixels) -> Any:
            return scale.work(src[rows, columns], dst, *scratch)

        return Step(box, work, scratch=_scratch(scale, form))

    def _scaling(self, source: Size, target: Size) -> Scaling:
        if source == target:
            return Scaling(_copy)
        interpolation = self.interpolation
        if interpolation == Interpolation.UNSPECIFIED:
            grows = target[0] > source[0] or target[1] > source[1]
            interpolation = Interpolation.LINEAR if grows else Interpolation.AREA
        return scaling(source, target, _CV2[interpolation])


def _copy(src: Pixels, dst: Pixels) -> None:
    np.copyto(dst, src)
    copies.CODEC.add()


def _follow(side: int, other: int, side_of_other: int) -> int:
    """``side`` scaled by ``other / side_of_other``: halves are rounded up, and never to 0.

    >>> _follow(1080, 640, 1920), _follow(3, 1, 2), _follow(1, 1, 1000)
    (360, 2, 1)
    """
    return max(1, (2 * side * other + side_of_other) // (2 * side_of_other))


def _bar(pad_rgb: int, box: Form) -> Pixels:
    """One row of the pad colour. Copied to many rows, which is quicker than filling by pixel."""
    bar = np.empty((1, box.width, 3), np.uint8)
    bar[...] = (pad_rgb & 0xFF, pad_rgb >> 8 & 0xFF, pad_rgb >> 16)
    if box.format is not PixelFormat.BGR24:
        bar = cv2.cvtColor(bar, COLOUR_CODES[PixelFormat.BGR24, box.format]).astype(np.uint8)
    return bar


def _scratch(scale: Scaling, form: Form) -> tuple[int, ...] | None:
    return Form(*scale.scratch, form.format).shape if scale.scratch else None


def _enum_faults(name: str, value: object, kind: type[IntEnum]) -> list[Fault]:
    if isinstance(value, int) and value in set(kind):
        return []
    known = ", ".join(f"{each.name} ({each.value})" for each in kind)
    return [Fault(name, value, f"one of {known}")]
