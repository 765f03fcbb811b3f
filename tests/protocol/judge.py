"""What the reader must answer to a message, said with the generated classes alone."""

from __future__ import annotations

import struct
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from framesrv.errors import Reason, Refused
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import (
    BatchRequest,
    StreamOpen,
    WireFrame,
    WireLimits,
    read_batch_request,
    read_stream_request,
)


def parsed(kind: Any, data: bytes) -> Any:
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


def attempt(read: Any, data: bytes, limits: WireLimits) -> Any:
    """Any other error is a failure."""
    try:
        return read(data, limits)
    except Refused as refused:
        return refused


def judge_batch(data: bytes, limits: WireLimits) -> str:
    message = parsed(pb.ProcessBatchRequest, data)
    request = attempt(read_batch_request, data, limits)
    if isinstance(request, Refused):
        if message is None:
            # Nothing says which is seen first: the fault of a part, or that of the bytes.
            return f"{request.reason} of broken bytes"
        assert request.reason in _faults(message, len(message.frames), limits), request
        return request.reason
    assert message is not None, "protobuf refuses it"
    assert not _faults(message, len(message.frames), limits)
    assert isinstance(request, BatchRequest)
    assert request.request_id == message.request_id
    same_plan(request.plan, message)
    same_frames(request.frames, message.frames, data)
    return "read"


def judge_stream(data: bytes, limits: WireLimits) -> str:
    message = parsed(pb.ProcessStreamRequest, data)
    found = attempt(read_stream_request, data, limits)
    if isinstance(found, Refused):
        if message is None:
            return f"{found.reason} of broken bytes"
        if found.reason is Reason.BATCH_TOO_LARGE and message.WhichOneof("message") == "open":
            return "a large batch, replaced by an open later"
        assert found.reason in _faults(message.open, len(message.batch.frames), limits), found
        return found.reason
    assert message is not None, "protobuf refuses it"
    assert not _faults(message.open, len(message.batch.frames), limits)
    kind = message.WhichOneof("message")
    if kind is None:
        assert found is None
        return "empty"
    if kind == "batch":
        assert isinstance(found, list)
        same_frames(found, message.batch.frames, data)
        return "batch"
    assert isinstance(found, StreamOpen)
    asked = message.open
    age = asked.max_age
    assert found.stream_id == asked.stream_id
    assert found.drop_policy == asked.drop_policy
    assert found.max_in_flight_frames == asked.max_in_flight_frames
    assert found.publish is asked.publish
    given = age.seconds * 10**9 + age.nanos if asked.HasField("max_age") else None
    assert found.max_age_ns == given
    same_plan(found.plan, asked)
    return "open"


def _faults(message: Any, frames: int, limits: WireLimits) -> set[Reason]:
    faults = set()
    if frames > limits.max_batch_frames:
        faults.add(Reason.BATCH_TOO_LARGE)
    outputs = message.pipeline.outputs
    if len(outputs) > limits.max_outputs:
        faults.add(Reason.BAD_PIPELINE)
    for output in outputs:
        if len(output.ops) > limits.max_ops:
            faults.add(Reason.BAD_PIPELINE)
        for op in output.ops:
            if op.WhichOneof("op") is None:
                unknown = len(UnknownFieldSet(op)) > 0
                faults.add(Reason.UNKNOWN_OP if unknown else Reason.BAD_PIPELINE)
    return faults


def same_frames(found: list[WireFrame], frames: Any, data: bytes) -> None:
    assert len(found) == len(frames)
    for one, frame in zip(found, frames, strict=True):
        assert one.stream_id == frame.stream_id
        assert one.sequence == frame.sequence
        assert one.captured_at_ns == frame.captured_at_ns
        assert one.trace_id == frame.trace_id
        assert one.crc32c == (frame.crc32c if frame.HasField("crc32c") else None)
        kind = frame.WhichOneof("payload")
        assert one.codec == (frame.encoded.codec if kind == "encoded" else 0)
        if kind is None:
            assert one.layout is None
            assert one.payload is None
            continue
        assert isinstance(one.payload, memoryview)
        assert one.payload.readonly
        assert bytes(one.payload) == getattr(frame, kind).data
        assert (one.layout is not None) == (kind == "raw")
        if one.layout is not None:
            layout = frame.raw.layout
            assert one.layout.width == layout.width
            assert one.layout.height == layout.height
            assert one.layout.format == layout.format
            assert one.layout.row_stride_bytes == layout.row_stride_bytes


def same_plan(plan: Any, message: Any) -> None:
    kind = message.WhichOneof("plan")
    if kind is None:
        assert plan is None
    elif kind == "pipeline_name":
        assert plan == message.pipeline_name
        assert isinstance(plan, str)
    else:
        assert plan.decode_mode == message.pipeline.decode_mode
        assert len(plan.outputs) == len(message.pipeline.outputs)
        for output, asked in zip(plan.outputs, message.pipeline.outputs, strict=True):
            assert output.name == asked.name
            assert output.encoding == asked.encoding
            assert output.quality == asked.quality
            assert len(output.ops) == len(asked.ops)
            for op, wanted in zip(output.ops, asked.ops, strict=True):
                same_op(op, wanted)


def same_op(op: Any, asked: Any) -> None:
    kind = asked.WhichOneof("op")
    wanted = getattr(asked, kind)
    assert type(op).__name__.lower() == kind
    if kind == "custom":
        assert op.processor == wanted.processor
        assert op.options == tuple(sorted(wanted.options.items()))
        return
    for field in wanted.DESCRIPTOR.fields:
        mine, theirs = getattr(op, field.name), getattr(wanted, field.name)
        if field.type == field.TYPE_FLOAT:  # NaN, too, must be the same
            mine, theirs = struct.pack("<f", mine), struct.pack("<f", theirs)
        assert mine == theirs, (kind, field.name)
        assert isinstance(mine, bool) == isinstance(theirs, bool)
