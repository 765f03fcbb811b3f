"""What protobuf merges, replaces or keeps when a field comes again: every pair, at every level."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import WireLimits
from tests.protocol.judge import judge_batch, judge_stream
from tests.protocol.soup import varint

LIMITS = WireLimits()
NOW_NS = 1_795_212_345_678_901_234


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


RAWS = [
    pb.RawImage(layout=pb.ImageLayout(width=2**32 - 1, height=300), data=b"abc"),
    pb.RawImage(layout=pb.ImageLayout(height=5, format="PIXEL_FORMAT_NV12", row_stride_bytes=640)),
    pb.RawImage(data=b""),
]
ENCODEDS = [pb.EncodedImage(codec="CODEC_WEBP", data=b"x" * 200), pb.EncodedImage()]
FRAMES = [
    *(pb.Frame(raw=raw) for raw in RAWS),
    *(pb.Frame(encoded=encoded) for encoded in ENCODEDS),
    pb.Frame(captured_at_ns=-1, sequence=2**64 - 1, stream_id="a", trace_id="b" * 128),
    pb.Frame(captured_at_ns=NOW_NS, sequence=0, crc32c=0),
]
OPS = [
    pb.Op(resize=pb.Resize(width=640, fit="FIT_COVER")),
    pb.Op(resize=pb.Resize(height=360, interpolation="INTERPOLATION_AREA", pad_rgb=0xFFFFFF)),
    pb.Op(crop=pb.Crop(x=1, y=2, width=3, height=2**32 - 1)),
    pb.Op(flip=pb.Flip(vertical=True)),
    pb.Op(flip=pb.Flip(horizontal=True)),
    pb.Op(blur=pb.Blur(sigma=1.5)),
    pb.Op(custom=pb.Custom(processor="p", options={"a": "1", "b": "2"})),
    pb.Op(custom=pb.Custom(options={"a": "3"})),
    pb.Op(),
    pb.Op.FromString(b"\x48\x01"),
]
OUTPUTS = [pb.Output(name="a", quality=2**32 - 1), pb.Output(encoding="ENCODING_RAW", ops=[OPS[0]])]
PLANS = [
    pb.ProcessBatchRequest(pipeline=pb.Pipeline(outputs=OUTPUTS, decode_mode="DECODE_MODE_EXACT")),
    pb.ProcessBatchRequest(pipeline=pb.Pipeline(decode_mode="DECODE_MODE_FAST")),
    pb.ProcessBatchRequest(pipeline=pb.Pipeline(outputs=[pb.Output(ops=[pb.Op()])])),
    pb.ProcessBatchRequest(pipeline_name="n"),
    pb.ProcessBatchRequest(pipeline_name=""),
    pb.ProcessBatchRequest(request_id="r", frames=FRAMES[:2]),
]
AGES = [b"\x08\x05", b"\x10\x07", b"\x08" + b"\xff" * 9 + b"\x01", b"\x10" + b"\xff" * 9 + b"\x01"]
CONFIGS: list[Any] = [
    *(field(6, age) for age in AGES),
    *(plan.SerializeToString() for plan in PLANS if plan.WhichOneof("plan")),
    pb.StreamConfig(stream_id="s", publish=True, drop_policy="DROP_POLICY_NEWEST"),
    pb.StreamConfig(max_in_flight_frames=2**32 - 1),
]
CONFIG_BYTES = [c if isinstance(c, bytes) else c.SerializeToString() for c in CONFIGS]
MESSAGES: list[Any] = [
    *(field(1, config) for config in CONFIG_BYTES[-4:]),
    *(pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=f)) for f in (FRAMES[:1], FRAMES[2:], [])),
    b"",
]


def in_op(data: bytes) -> bytes:
    return field(2, field(1, field(2, data)))


def pairs(parts: Sequence[Any]) -> list[bytes]:
    """Each alone as well: the last is empty or nearly so."""
    data = [p if isinstance(p, bytes) else p.SerializeToString() for p in parts]
    return [*data, *map(b"".join, product(data, data))]


BATCHES = {
    "layouts": [
        field(4, field(4, a + b))
        for a, b in product([r.SerializeToString() for r in RAWS], repeat=2)
    ],
    "frames": [field(4, pair) for pair in pairs(FRAMES)],
    "ops": [in_op(pair) for pair in pairs(OPS)],
    "outputs": [field(2, field(1, pair)) for pair in pairs(OUTPUTS)],
    "plans": pairs(PLANS),
}
STREAMS = {
    "configs": [field(1, pair) for pair in pairs(CONFIG_BYTES)],
    "ages": [field(1, field(6, pair)) for pair in pairs(AGES)],
    "messages": pairs(MESSAGES),
}  # fmt: skip


@pytest.mark.parametrize("name", BATCHES)
@pytest.mark.parametrize("prefix", [b"", b"\x53\x54"], ids=["walked", "handed over"])
def test_in_a_batch(name: str, prefix: bytes) -> None:
    for data in BATCHES[name]:
        judge_batch(prefix + data, LIMITS)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("prefix", [b"", b"\x53\x54"], ids=["walked", "handed over"])
def test_in_a_stream(name: str, prefix: bytes) -> None:
    for data in STREAMS[name]:
        judge_stream(prefix + data, LIMITS)


@pytest.mark.parametrize("frames", [64, 65])
@pytest.mark.parametrize("prefix", [b"", b"\x53\x54"], ids=["walked", "handed over"])
def test_as_many_frames_as_allowed(frames: int, prefix: bytes) -> None:
    verdict = judge_batch(prefix + field(4, b"") * frames, LIMITS)
    assert verdict == ("read" if frames == 64 else "BATCH_TOO_LARGE")
    batch = field(2, field(1, b"") * frames)
    assert judge_stream(prefix + batch, LIMITS) == ("batch" if frames == 64 else "BATCH_TOO_LARGE")


@pytest.mark.parametrize(("outputs", "ops"), [(16, 32), (17, 1), (1, 33)])
@pytest.mark.parametrize("prefix", [b"", b"\x53\x54"], ids=["walked", "handed over"])
def test_as_many_outputs_and_ops_as_allowed(outputs: int, ops: int, prefix: bytes) -> None:
    output = pb.Output(ops=[OPS[0]] * ops)
    data = pb.ProcessBatchRequest(pipeline=pb.Pipeline(outputs=[output] * outputs))
    verdict = judge_batch(prefix + data.SerializeToString(), LIMITS)
    assert verdict == ("read" if (outputs, ops) == (16, 32) else "BAD_PIPELINE")
