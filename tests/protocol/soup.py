"""Bytes to read: messages as clients write them, fields at random, and damaged messages."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration
from hypothesis import strategies as st

from framesrv.protocol.gen import frames_pb2 as pb

uint32 = st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1))
uint64 = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
int64 = st.one_of(st.integers(-3, 300), st.integers(-(2**63), 2**63 - 1))
enums = st.one_of(st.integers(0, 8), st.integers(-(2**31), 2**31 - 1))
texts = st.one_of(
    st.text(max_size=6), st.sampled_from(["", "é" * 70, "x" * 127, "x" * 128, "\U0001f4f7"])
)
payloads = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"x" * 127, b"y" * 128, b"z" * 17000])
)
durations = st.builds(Duration, seconds=int64, nanos=st.integers(-(2**31), 2**31 - 1))


def _set(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def _made(kind: Any, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return _set(**fields).map(lambda values: kind(**values))


layouts = _made(pb.ImageLayout, width=uint32, height=uint32, format=enums, row_stride_bytes=uint32)
raws = _made(pb.RawImage, layout=layouts, data=payloads)
encodeds = _made(pb.EncodedImage, codec=enums, data=payloads)
_labels = {
    "stream_id": texts,
    "sequence": uint64,
    "captured_at_ns": int64,
    "crc32c": uint32,
    "trace_id": texts,
}
frames = st.one_of(
    _made(pb.Frame, **_labels),
    _made(pb.Frame, **_labels, raw=raws),
    _made(pb.Frame, **_labels, encoded=encodeds),
)
ops = st.one_of(
    st.sampled_from([pb.Op(), pb.Op.FromString(b"\x4a\x00")]),
    st.builds(
        pb.Op,
        resize=_made(
            pb.Resize, width=uint32, height=uint32, interpolation=enums, fit=enums, pad_rgb=uint32
        ),
    ),
    st.builds(pb.Op, crop=_made(pb.Crop, x=uint32, y=uint32, width=uint32, height=uint32)),
    st.builds(pb.Op, convert=_made(pb.Convert, format=enums)),
    st.builds(pb.Op, rotate=_made(pb.Rotate, degrees=uint32)),
    st.builds(pb.Op, flip=_made(pb.Flip, horizontal=st.booleans(), vertical=st.booleans())),
    st.builds(pb.Op, blur=_made(pb.Blur, sigma=st.floats(width=32))),
    st.builds(
        pb.Op,
        custom=_made(pb.Custom, processor=texts, options=st.dictionaries(texts, texts, max_size=3)),
    ),
)
outputs = _made(
    pb.Output, name=texts, ops=st.lists(ops, max_size=3), encoding=enums, quality=uint32
)
pipelines = _made(pb.Pipeline, outputs=st.lists(outputs, max_size=3), decode_mode=enums)
_plans: tuple[dict[str, st.SearchStrategy[Any]], ...] = (
    {},
    {"pipeline": pipelines},
    {"pipeline_name": texts},
)
batch_requests = st.one_of(
    *(
        _made(pb.ProcessBatchRequest, request_id=texts, frames=st.lists(frames, max_size=4), **plan)
        for plan in _plans
    )
)
configs = st.one_of(
    *(
        _made(
            pb.StreamConfig,
            stream_id=texts,
            drop_policy=enums,
            max_in_flight_frames=uint32,
            max_age=durations,
            publish=st.booleans(),
            **plan,
        )
        for plan in _plans
    )
)
stream_requests = st.one_of(
    st.just(pb.ProcessStreamRequest()),
    st.builds(pb.ProcessStreamRequest, open=configs),
    st.builds(
        pb.ProcessStreamRequest,
        batch=_made(pb.FrameBatch, frames=st.lists(frames, max_size=4)),
    ),
)

# ---------------------------------------------------------------- fields at random


def varint(number: int, width: int = 0) -> bytes:
    """In ``width`` bytes if that is more than it needs."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    while len(out) < width:
        out[-1] |= 128
        out.append(0)
    return bytes(out)


widths = st.sampled_from([0] * 12 + [2, 3, 5, 6, 9, 10, 11])
numbers = st.one_of(
    st.integers(0, 3),
    st.sampled_from([127, 128, 300, 2**31, 2**32 - 1, 2**32 + 1, 2**63, 2**64 - 1, 2**64 + 1]),
    uint64,
)


@st.composite
def message_bytes(draw: st.DrawFn, descriptor: Any, depth: int = 0) -> bytes:
    """Fields of a message in any order and number, some of the wrong type, some unknown."""
    known = list(descriptor.fields) if descriptor is not None else []
    out = bytearray()
    for _ in range(draw(st.integers(0, 4 if depth else 5))):
        choice = draw(st.integers(0, 19))
        if choice < 15 and known:
            out += draw(_known_field(draw(st.sampled_from(known)), depth))
        elif choice < 18 or depth > 6:
            out += draw(_any_field(draw(st.integers(0, 20)), depth))
        elif choice == 18:
            number = draw(st.integers(1, 17))
            inner = draw(message_bytes(None, depth + 1))
            ends = number if draw(st.integers(0, 9)) else number + 1
            out += varint(number << 3 | 3) + inner + varint(ends << 3 | 4)
        else:
            out += draw(st.binary(max_size=4))
    return bytes(out)


@st.composite
def _known_field(draw: st.DrawFn, field: Any, depth: int) -> bytes:
    if not draw(st.integers(0, 11)):
        return draw(_any_field(field.number, depth))
    tag = field.number << 3
    wide = draw(widths)
    if field.message_type is not None:
        data = draw(message_bytes(field.message_type, depth + 1))
    elif field.type == field.TYPE_STRING:
        data = draw(st.one_of(texts.map(str.encode), st.binary(max_size=3)))
    elif field.type == field.TYPE_BYTES:
        data = draw(payloads)
    elif field.type in (field.TYPE_FIXED32, field.TYPE_FLOAT):
        return varint(tag | 5) + draw(st.binary(min_size=4, max_size=4))
    else:
        return varint(tag, wide) + varint(draw(numbers), draw(widths))
    return varint(tag | 2, wide) + varint(len(data), draw(widths)) + data


@st.composite
def _any_field(draw: st.DrawFn, number: int, depth: int) -> bytes:
    kind = draw(st.sampled_from([0, 0, 1, 2, 2, 5, 4, 6, 7]))
    tag = varint(number << 3 | kind, draw(widths))
    if kind == 0:
        return tag + varint(draw(numbers), draw(widths))
    if kind == 2:
        data = draw(st.binary(max_size=5))
        return tag + varint(len(data), draw(widths)) + data
    size = {1: 8, 5: 4}.get(kind, 0)
    return tag + draw(st.binary(min_size=size, max_size=size))


@st.composite
def damaged(draw: st.DrawFn, data: bytes) -> bytes:
    """A few bytes changed, put in, taken out, doubled or cut off."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(out)))
        kind = draw(st.integers(0, 4))
        if kind == 0 and at < len(out):
            out[at] = draw(st.integers(0, 255))
        elif kind == 1:
            out[at:at] = draw(st.binary(min_size=1, max_size=3))
        elif kind == 2:
            del out[at : at + draw(st.integers(1, 3))]
        elif kind == 3:
            del out[at:]
        else:
            out[at:at] = out[at : at + draw(st.integers(1, 40))]
    return bytes(out)


def bytes_of(messages: st.SearchStrategy[Any], descriptor: Any) -> st.SearchStrategy[bytes]:
    """All three kinds, and two whole messages in one, as protobuf allows."""
    whole = messages.map(lambda message: bytes(message.SerializeToString()))
    return st.one_of(
        whole,
        message_bytes(descriptor),
        whole.flatmap(damaged),
        message_bytes(descriptor).flatmap(damaged),
        st.tuples(whole, whole).map(b"".join),
    )


batch_bytes = bytes_of(batch_requests, pb.ProcessBatchRequest.DESCRIPTOR)
stream_bytes = bytes_of(stream_requests, pb.ProcessStreamRequest.DESCRIPTOR)
