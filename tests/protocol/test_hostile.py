"""Large hostile messages cost few steps and little memory, and are refused in clear words."""

from __future__ import annotations

import tracemalloc
from typing import Any, SupportsIndex

import pytest

from framesrv.errors import Reason, Refused
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import (
    WireLimits,
    read_batch_request,
    read_stream_request,
)
from framesrv.protocol.wire.condense import BATCH_REQUEST, condensed
from framesrv.protocol.wire.walk import Reading
from tests.protocol.soup import varint

LIMITS = WireLimits()
MESSAGE_BYTES = 68 << 20
# A field may take a few looks: at its tag, its length, each byte of a number.
STEPS_MAX = 16 * LIMITS.max_fields


class Counted(bytes):
    """Counts how often it is looked at."""

    steps = 0

    def __getitem__(self, key: SupportsIndex | slice) -> Any:
        self.steps += 1
        return super().__getitem__(key)


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def many(unit: bytes, nbytes: int = MESSAGE_BYTES) -> bytes:
    return unit * (nbytes // len(unit))


def in_custom(data: bytes) -> bytes:
    """As options of a processor."""
    return field(2, field(1, field(2, field(15, data))))


GROUP = b"\x53\x54"
HOSTILE = {
    "empty frames": lambda: many(b"\x22\x00"),
    "unknown numbers": lambda: many(b"\x50\x00"),
    "unknown texts": lambda: many(b"\x52\x00"),
    "unknown in long tags": lambda: many(b"\xfa\xff\xff\xff\x0f\x00"),
    "request ids": lambda: many(b"\x0a\x00"),
    "groups": lambda: many(GROUP),
    "groups begun": lambda: many(b"\x53"),
    "groups, then frames": lambda: GROUP + many(b"\x22\x00"),
    "groups in groups": lambda: many(b"\x53" * 50 + b"\x54" * 50),
    "fields in a group": lambda: b"\x53" + many(b"\x50\x00") + b"\x54",
    "sequences": lambda: field(4, many(b"\x10\x01")),
    "long sequences": lambda: field(4, many(b"\x10" + b"\x80" * 9 + b"\x00")),
    "codecs": lambda: field(4, field(5, many(b"\x08\x01"))),
    "payloads": lambda: field(4, field(5, many(b"\x12\x00"))),
    "widths": lambda: field(4, field(4, field(1, many(b"\x08\x01")))),
    "layouts": lambda: field(4, field(4, many(b"\x0a\x00"))),
    "raws": lambda: field(4, many(b"\x22\x00")),
    "names": lambda: many(b"\x1a\x00"),
    "pipelines": lambda: many(b"\x12\x00"),
    "outputs": lambda: field(2, many(b"\x0a\x00")),
    "ops": lambda: field(2, field(1, many(b"\x12\x00"))),
    "resizes": lambda: field(2, field(1, field(2, many(b"\x0a\x00")))),
    "options": lambda: in_custom(many(b"\x12\x00")),
    "different options": lambda: in_custom(
        b"".join(b"\x12\x08\x0a\x06%06d" % n for n in range(700_000))
    ),
    "odd options": lambda: in_custom(many(b"\x12\x02\x18\x00")),
    "options after a group": lambda: GROUP + in_custom(many(b"\x12\x00")),
    "frames after a group": lambda: GROUP + many(b"\x22\x02\x22\x00"),
}
STREAMS = {
    "empty frames": lambda: field(2, many(b"\x0a\x00")),
    "batches": lambda: many(b"\x12\x00"),
    "batches of one": lambda: many(b"\x12\x02\x0a\x00"),
    "opens": lambda: many(b"\x0a\x00"),
    "ages": lambda: field(1, many(b"\x32\x00")),
    "policies": lambda: field(1, many(b"\x20\x01")),
    "seconds": lambda: field(1, field(6, many(b"\x08\x01"))),
}


def refused(read: Any, data: bytes) -> tuple[Reason, str]:
    """Also checks what it cost."""
    counted = Counted(data)
    tracemalloc.start()
    try:
        with pytest.raises(Refused) as caught:
            read(counted, LIMITS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counted.steps <= STEPS_MAX
    assert peak < 32 << 20, "no second copy of the message, and no object for each field"
    return caught.value.reason, caught.value.message


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_batch_is_refused_early(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _forbid_protobuf(monkeypatch)
    reason, text = refused(read_batch_request, HOSTILE[name]())
    expected = {
        "empty frames": (Reason.BATCH_TOO_LARGE, "64"),
        "outputs": (Reason.BAD_PIPELINE, "16"),
        "ops": (Reason.BAD_PIPELINE, "empty"),
        "groups begun": (Reason.MALFORMED_MESSAGE, "too deep"),
    }.get(name, (Reason.MALFORMED_MESSAGE, "50,000 fields"))
    assert reason is expected[0]
    assert expected[1] in text


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", STREAMS)
def test_a_hostile_stream_message_is_refused_early(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _forbid_protobuf(monkeypatch)
    reason, text = refused(read_stream_request, STREAMS[name]())
    if name == "empty frames":
        assert reason is Reason.BATCH_TOO_LARGE
    else:
        assert reason is Reason.MALFORMED_MESSAGE
        assert "50,000 fields" in text


def _forbid_protobuf(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> None:
        pytest.fail("it was handed to protobuf")

    for name in ("ProcessBatchRequest", "ProcessStreamRequest"):
        kind = type(name, (), {"ParseFromString": parse})
        monkeypatch.setattr(pb, name, kind)


def test_exactly_as_many_fields_as_allowed() -> None:
    limits = WireLimits(max_fields=10)
    assert read_batch_request(b"\x50\x00" * 10, limits).frames == []
    assert read_batch_request(b"\x53\x54" * 5, limits).frames == []
    for data in (b"\x50\x00" * 11, b"\x53\x54" * 5 + b"\x50\x00"):
        with pytest.raises(Refused, match="more than 10 fields"):
            read_batch_request(data, limits)


@pytest.mark.parametrize("copies", [1, 2])
def test_a_pipeline_that_was_kept_counts_as_if_it_were_read(copies: int) -> None:
    pipeline = pb.Pipeline(outputs=[pb.Output(name="a", quality=1)])
    data = pb.ProcessBatchRequest(pipeline=pipeline).SerializeToString()
    limits = WireLimits(max_fields=4)
    for _ in range(copies):
        assert read_batch_request(data, limits).plan is not None
        with pytest.raises(Refused, match="more than 4 fields"):
            read_batch_request(data + b"\x50\x00", limits)


@pytest.mark.parametrize("prefix", [b"", GROUP], ids=["walked", "handed over"])
def test_long_texts_are_refused_before_they_are_made(prefix: bytes) -> None:
    text = "\U0001f4f7" * (1 << 18)  # four bytes each: exactly what is allowed
    data = prefix + field(1, text.encode())
    assert read_batch_request(data, LIMITS).request_id == text
    for more in (field(1, b"x" * 128), field(4, field(8, b"x" * 128))):
        with pytest.raises(Refused, match="longer than 1,048,576 bytes"):
            read_batch_request(data + more, LIMITS)


def test_the_largest_ordinary_message_is_far_from_the_limits() -> None:
    op = pb.Op(
        resize=pb.Resize(
            width=1, height=1, interpolation="INTERPOLATION_AREA", fit="FIT_COVER", pad_rgb=1
        )
    )
    outputs = [
        pb.Output(name=str(n), ops=[op] * 32, encoding="ENCODING_PNG", quality=9) for n in range(16)
    ]
    frame = pb.Frame(
        stream_id="x" * 64,
        sequence=1,
        captured_at_ns=1,
        raw=pb.RawImage(
            layout=pb.ImageLayout(width=1, height=1, format="PIXEL_FORMAT_BGR24"), data=b"abc"
        ),
        crc32c=1,
        trace_id="x" * 64,
    )
    message = pb.ProcessBatchRequest(pipeline=pb.Pipeline(outputs=outputs), frames=[frame] * 64)
    limits = WireLimits(max_fields=LIMITS.max_fields // 10, max_text_bytes=0)
    request = read_batch_request(message.SerializeToString(), limits)
    assert len(request.frames) == 64


@pytest.mark.parametrize(
    "data",
    [
        GROUP + field(4, field(5, field(2, bytes(MESSAGE_BYTES)))),
        field(4, field(4, field(2, bytes(MESSAGE_BYTES))) + field(5, field(1, b""))),
        GROUP + field(9, bytes(MESSAGE_BYTES)),
        b"\x53" + field(9, bytes(MESSAGE_BYTES)) + b"\x54",
    ],
    ids=["payload", "payload replaced", "unknown", "unknown in a group"],
)
def test_what_is_handed_over_is_not_copied(data: bytes) -> None:
    assert len(condensed(Reading(data, LIMITS), BATCH_REQUEST)) < 64
    request = read_batch_request(data, LIMITS)
    for frame in request.frames:
        assert frame.payload is not None
        assert frame.payload.obj is data
