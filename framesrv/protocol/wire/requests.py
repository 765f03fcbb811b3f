"""Reads the two messages that carry frames.

What no ordinary encoder writes, such as a group or a singular message that comes twice, is
condensed and then handed to the generated classes: slow, and right by definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from framesrv.errors import Reason, Refused
from framesrv.pipeline.spec import PipelineSpec
from framesrv.protocol.gen import frames_pb2
from framesrv.protocol.wire import generated
from framesrv.protocol.wire.condense import BATCH_REQUEST, STREAM_REQUEST, Shape, condensed
from framesrv.protocol.wire.frames import read_frame
from framesrv.protocol.wire.numbers import int32, int64, uint32
from framesrv.protocol.wire.plans import Scalars, read_pipeline
from framesrv.protocol.wire.records import BatchRequest, StreamOpen, WireFrame, WireLimits
from framesrv.protocol.wire.walk import Handover, Reading, cut, fields, malformed, size, skip

T = TypeVar("T")
StreamMessage = StreamOpen | list[WireFrame] | None
_DEFAULT_LIMITS: Final = WireLimits()
_OPEN_NUMBERS: Final[Scalars] = MappingProxyType(
    {
        0x20: ("drop_policy", int32),
        0x28: ("max_in_flight_frames", uint32),
        0x38: ("publish", bool),
    }
)


def read_batch_request(
    data: bytes | memoryview, limits: WireLimits = _DEFAULT_LIMITS
) -> BatchRequest:
    """A ProcessBatchRequest. Raises Refused, and nothing else whatever the bytes are."""
    return _read(_whole(data), limits, _batch, _batch_by_protobuf)


def read_stream_request(
    data: bytes | memoryview, limits: WireLimits = _DEFAULT_LIMITS
) -> StreamMessage:
    """A ProcessStreamRequest: what opens the stream, the frames of a batch, or None if neither.

    Raises Refused, and nothing else whatever the bytes are.
    """
    return _read(_whole(data), limits, _stream, _stream_by_protobuf)


def _whole(data: bytes | memoryview) -> bytes:
    """The very object where a view shows all of one: indexing it is faster, and no copy."""
    if isinstance(data, bytes):
        return data
    owner = data.obj
    if type(owner) is bytes and data.nbytes == len(owner) and data.contiguous:
        return owner
    return bytes(data)


def _read(
    data: bytes,
    limits: WireLimits,
    walk: Callable[[Reading], T],
    by_protobuf: Callable[[Reading], T],
) -> T:
    try:
        return walk(Reading(data, limits))
    except Handover:
        refused = None
    except IndexError:
        refused = cut()
    except UnicodeDecodeError:
        refused = _not_text()
    if refused is None:
        return by_protobuf(Reading(data, limits))
    raise refused  # out here, where it keeps no other error, and so no bytes, alive


def _not_text() -> Refused:
    return malformed("a text is not UTF-8")


def _batch(reading: Reading) -> BatchRequest:  # noqa: C901 - once for every frame, in place
    data, end, most = reading.data, len(reading.data), reading.limits.max_batch_frames
    request_id = ""
    plan: PipelineSpec | str | Refused | None = None
    frames: list[WireFrame] = []
    pos = 0
    while pos < end:
        reading.fields_left -= 1
        if reading.fields_left < 0:
            raise reading.too_many()
        tag = data[pos]
        if tag != 0x22 and tag != 0x0A and tag != 0x12 and tag != 0x1A:  # noqa: PLR1714
            pos = skip(data, pos, end)
            continue
        nbytes = data[pos + 1]
        pos += 2
        if nbytes > 127:
            nbytes, pos = size(data, pos - 1)
        stop = pos + nbytes
        if stop > end:
            raise cut()
        if tag == 0x22:
            if len(frames) == most:
                raise _too_many_frames(most)
            frames.append(read_frame(reading, pos, stop))
        elif tag == 0x0A:
            request_id = reading.text(pos, stop)
        elif plan is not None:
            raise Handover
        else:
            plan = _plan(reading, tag, pos, stop)
        pos = stop
    if isinstance(plan, Refused):
        raise plan
    return BatchRequest(request_id, plan, frames)


def _plan(reading: Reading, tag: int, start: int, stop: int) -> PipelineSpec | str | Refused:
    """A refusal is kept until all is read: what comes later may replace the plan."""
    if tag == 0x1A:
        return reading.text(start, stop)
    try:
        return read_pipeline(reading, start, stop)
    except Refused as refused:
        if refused.reason is Reason.MALFORMED_MESSAGE:
            raise
        return refused.with_traceback(None)


def _stream(reading: Reading) -> StreamMessage:
    message: StreamOpen | list[WireFrame] | Refused | None = None
    for tag, value, stop in fields(reading, 0, len(reading.data)):
        if tag not in (0x0A, 0x12):
            continue
        if message is not None:
            raise Handover
        message = (_open if tag == 0x0A else _frame_batch)(reading, value, stop)
    if isinstance(message, Refused):
        raise message
    return message


def _frame_batch(reading: Reading, pos: int, end: int) -> list[WireFrame]:
    most = reading.limits.max_batch_frames
    frames: list[WireFrame] = []
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            if len(frames) == most:
                raise _too_many_frames(most)
            frames.append(read_frame(reading, value, stop))
    return frames


def _open(reading: Reading, pos: int, end: int) -> StreamOpen | Refused:
    opened = StreamOpen("", None, 0, 0, None, publish=False)
    plan: PipelineSpec | str | Refused | None = None
    for tag, value, stop in fields(reading, pos, end):
        if tag == 0x0A:
            opened.stream_id = reading.text(value, stop)
        elif tag in (0x12, 0x1A):
            if plan is not None:
                raise Handover
            plan = _plan(reading, tag, value, stop)
        elif tag == 0x32:
            if opened.max_age_ns is not None:
                raise Handover
            opened.max_age_ns = _duration_ns(reading, value, stop)
        elif tag in _OPEN_NUMBERS:
            name, meant = _OPEN_NUMBERS[tag]
            setattr(opened, name, meant(value))
    if isinstance(plan, Refused):
        return plan
    opened.plan = plan
    return opened


def _duration_ns(reading: Reading, pos: int, end: int) -> int:
    seconds = nanos = 0
    for tag, value, _ in fields(reading, pos, end):
        if tag == 0x08:
            seconds = int64(value)
        elif tag == 0x10:
            nanos = int32(value)
    return seconds * 1_000_000_000 + nanos


def _too_many_frames(most: int) -> Refused:
    return Refused(
        Reason.BATCH_TOO_LARGE, f"a batch may have {most} frames: send them in several batches"
    )


def _parsed(message: T, reading: Reading, shape: Shape) -> T:
    try:
        message.ParseFromString(condensed(reading, shape))  # type: ignore[attr-defined]
        return message
    except (IndexError, DecodeError):
        pass
    raise malformed("the generated class cannot read it either")


def _batch_by_protobuf(reading: Reading) -> BatchRequest:
    message = _parsed(frames_pb2.ProcessBatchRequest(), reading, BATCH_REQUEST)
    return BatchRequest(
        message.request_id,
        generated.plan(message, reading.limits),
        _frames_by_protobuf(message.frames, reading),
    )


def _stream_by_protobuf(reading: Reading) -> StreamMessage:
    message = _parsed(frames_pb2.ProcessStreamRequest(), reading, STREAM_REQUEST)
    kind = message.WhichOneof("message")
    if kind == "open":
        return generated.stream_open(message.open, reading.limits)
    return None if kind is None else _frames_by_protobuf(message.batch.frames, reading)


def _frames_by_protobuf(frames: Sequence[frames_pb2.Frame], reading: Reading) -> list[WireFrame]:
    if len(frames) > reading.limits.max_batch_frames:
        raise _too_many_frames(reading.limits.max_batch_frames)
    return [generated.frame(reading, frame) for frame in frames]
