"""Reads what is asked of the frames. Clients ask the same of many, so the last few are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, Final

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding
from framesrv.pipeline.spec import (
    Blur,
    Convert,
    Crop,
    Custom,
    DecodeMode,
    Fit,
    Flip,
    Interpolation,
    Op,
    OutputSpec,
    PipelineSpec,
    Resize,
    Rotate,
)
from framesrv.protocol.wire.numbers import enum, float32, uint32
from framesrv.protocol.wire.records import WireLimits
from framesrv.protocol.wire.walk import Handover, Reading, fields

# What is kept is bounded: 64 pipelines of at most 1 KiB, some 30 KiB each once read.
_KEPT: Final = 64
_KEPT_BYTES_MAX: Final = 1024

encoding: Final = enum(Encoding)
decode_mode: Final = enum(DecodeMode)
pixel_format: Final = enum(PixelFormat)
interpolation: Final = enum(Interpolation)
fit: Final = enum(Fit)

# By tag: the field, and what makes its value of the number that was read.
Scalars = Mapping[int, tuple[str, Callable[[int], Any]]]


def too_many_outputs(limits: WireLimits) -> Refused:
    most = limits.max_outputs
    return Refused(Reason.BAD_PIPELINE, f"a pipeline may have {most} outputs: ask for fewer")


def too_many_ops(limits: WireLimits) -> Refused:
    most = limits.max_ops
    return Refused(Reason.BAD_PIPELINE, f"an output may have {most} operations: ask for fewer")


def no_op(*, unknown: bool) -> Refused:
    if unknown:
        return Refused(
            Reason.UNKNOWN_OP,
            "an operation is not known to this server: GetServerInfo lists those that are",
        )
    return Refused(Reason.BAD_PIPELINE, "an operation is empty: set one, or leave it out")


def read_pipeline(reading: Reading, pos: int, end: int) -> PipelineSpec:
    """Raises Refused with BAD_PIPELINE or UNKNOWN_OP for what can be read and not be served."""
    if end - pos > _KEPT_BYTES_MAX:
        return _pipeline(reading, pos, end)
    spec, cost = _kept(reading.data[pos:end], reading.limits)
    reading.fields_left -= cost
    if reading.fields_left < 0:
        raise reading.too_many()
    return spec


@lru_cache(maxsize=_KEPT)
def _kept(data: bytes, limits: WireLimits) -> tuple[PipelineSpec, int]:
    reading = Reading(data, limits)
    spec = _pipeline(reading, 0, len(data))
    return spec, limits.max_fields - reading.fields_left


def _pipeline(reading: Reading, pos: int, end: int) -> PipelineSpec:
    outputs: list[OutputSpec] = []
    mode: DecodeMode | int = DecodeMode.UNSPECIFIED
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            if len(outputs) == reading.limits.max_outputs:
                raise too_many_outputs(reading.limits)
            outputs.append(_output(reading, value, stop))
        elif tag == 0x10:
            mode = decode_mode(value)
    return PipelineSpec(tuple(outputs), mode)


def _output(reading: Reading, pos: int, end: int) -> OutputSpec:
    name = ""
    ops: list[Op] = []
    encoded: Encoding | int = Encoding.UNSPECIFIED
    quality = 0
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            name = reading.text(value, stop)
        elif tag == 0x12:
            if len(ops) == reading.limits.max_ops:
                raise too_many_ops(reading.limits)
            ops.append(_op(reading, value, stop))
        elif tag == 0x18:
            encoded = encoding(value)
        elif tag == 0x20:
            quality = uint32(value)
    return OutputSpec(name, tuple(ops), encoded, quality)


def _op(reading: Reading, pos: int, end: int) -> Op:
    found: Op | None = None
    unknown = False
    for tag, value, stop in fields(reading, pos, end):
        read = _OPS.get(tag)
        if read is None:
            unknown = True
        elif found is not None:
            raise Handover  # the same merges, another replaces
        else:
            found = read(reading, value, stop)
    if found is None:
        raise no_op(unknown=unknown)
    return found


def _scalars(make: Callable[..., Op], scalars: Scalars, reading: Reading, pos: int, end: int) -> Op:
    values: dict[str, Any] = {}
    for tag, value, _ in fields(reading, pos, end):
        known = scalars.get(tag)
        if known is not None:
            values[known[0]] = known[1](value)
    return make(**values)


def _blur(reading: Reading, pos: int, end: int) -> Op:
    sigma = 0.0
    for tag, value, _ in fields(reading, pos, end):
        if tag == 0x0D:
            sigma = float32(reading.data, value)
    return Blur(sigma)


def _custom(reading: Reading, pos: int, end: int) -> Op:
    processor = ""
    options: dict[str, str] = {}
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            processor = reading.text(value, stop)
        elif tag == 0x12:
            key, text = _option(reading, value, stop)
            options[key] = text
    # A map has no order; sorted, pipelines that ask the same are equal.
    return Custom(processor, tuple(sorted(options.items())))


def _option(reading: Reading, pos: int, end: int) -> tuple[str, str]:
    key = text = ""
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            key = reading.text(value, stop)
        elif tag == 0x12:
            text = reading.text(value, stop)
        else:
            raise Handover  # upb does not take an entry with an unknown field for one of the map
    return key, text


_OPS: Final[Mapping[int, Callable[[Reading, int, int], Op]]] = MappingProxyType(
    {
        0x0A: partial(
            _scalars,
            Resize,
            {
                0x08: ("width", uint32),
                0x10: ("height", uint32),
                0x18: ("interpolation", interpolation),
                0x20: ("fit", fit),
                0x28: ("pad_rgb", uint32),
            },
        ),
        0x12: partial(
            _scalars,
            Crop,
            {
                0x08: ("x", uint32),
                0x10: ("y", uint32),
                0x18: ("width", uint32),
                0x20: ("height", uint32),
            },
        ),
        0x1A: partial(_scalars, Convert, {0x08: ("format", pixel_format)}),
        0x22: partial(_scalars, Rotate, {0x08: ("degrees", uint32)}),
        0x2A: partial(_scalars, Flip, {0x08: ("horizontal", bool), 0x10: ("vertical", bool)}),
        0x32: _blur,
        0x7A: _custom,
    }
)
