"""From the generated classes to our records: the slow way, for what the walker hands over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from framesrv.frames.layout import ImageLayout
from framesrv.frames.source import Codec
from framesrv.pipeline.spec import (
    Blur,
    Convert,
    Crop,
    Custom,
    Flip,
    Op,
    OutputSpec,
    PipelineSpec,
    Resize,
    Rotate,
)
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import plans
from framesrv.protocol.wire.condense import payload_at
from framesrv.protocol.wire.numbers import enum
from framesrv.protocol.wire.records import StreamOpen, WireFrame, WireLimits
from framesrv.protocol.wire.walk import Reading

_CODEC: Final = enum(Codec)

_OPS: Final[Mapping[str, Callable[[Any], Op]]] = MappingProxyType(
    {
        "resize": lambda op: Resize(
            op.width,
            op.height,
            plans.interpolation(op.interpolation),
            plans.fit(op.fit),
            op.pad_rgb,
        ),
        "crop": lambda op: Crop(op.x, op.y, op.width, op.height),
        "convert": lambda op: Convert(plans.pixel_format(op.format)),
        "rotate": lambda op: Rotate(op.degrees),
        "flip": lambda op: Flip(op.horizontal, op.vertical),
        "blur": lambda op: Blur(op.sigma),
        "custom": lambda op: Custom(op.processor, tuple(sorted(op.options.items()))),
    }
)


def frame(reading: Reading, message: pb.Frame) -> WireFrame:
    """Of a condensed message: its payload lies where the message was read from."""
    found = WireFrame(
        message.stream_id,
        message.sequence,
        message.captured_at_ns,
        crc32c=message.crc32c if message.HasField("crc32c") else None,
        trace_id=message.trace_id,
    )
    kind = message.WhichOneof("payload")
    if kind == "raw":
        found.layout = _layout(message.raw.layout)
        found.payload = payload_at(reading, message.raw.data)
    elif kind == "encoded":
        found.codec = _CODEC(message.encoded.codec)
        found.payload = payload_at(reading, message.encoded.data)
    return found


def _layout(message: pb.ImageLayout) -> ImageLayout:
    return ImageLayout(
        message.width,
        message.height,
        plans.pixel_format(message.format),
        message.row_stride_bytes,
    )


def stream_open(message: pb.StreamConfig, limits: WireLimits) -> StreamOpen:
    age = message.max_age
    return StreamOpen(
        message.stream_id,
        plan(message, limits),
        message.drop_policy,
        message.max_in_flight_frames,
        age.seconds * 1_000_000_000 + age.nanos if message.HasField("max_age") else None,
        message.publish,
    )


def plan(
    message: pb.ProcessBatchRequest | pb.StreamConfig, limits: WireLimits
) -> PipelineSpec | str | None:
    kind = message.WhichOneof("plan")
    if kind == "pipeline":
        return _pipeline(message.pipeline, limits)
    return None if kind is None else message.pipeline_name


def _pipeline(message: pb.Pipeline, limits: WireLimits) -> PipelineSpec:
    if len(message.outputs) > limits.max_outputs:
        raise plans.too_many_outputs(limits)
    return PipelineSpec(
        tuple(_output(output, limits) for output in message.outputs),
        plans.decode_mode(message.decode_mode),
    )


def _output(message: pb.Output, limits: WireLimits) -> OutputSpec:
    if len(message.ops) > limits.max_ops:
        raise plans.too_many_ops(limits)
    return OutputSpec(
        message.name,
        tuple(map(_op, message.ops)),
        plans.encoding(message.encoding),
        message.quality,
    )


def _op(message: pb.Op) -> Op:
    kind = message.WhichOneof("op")
    if kind is None:
        # What is not known is kept as it came, and is all that gives this message a size.
        raise plans.no_op(unknown=message.ByteSize() > 0)
    return _OPS[kind](getattr(message, kind))
