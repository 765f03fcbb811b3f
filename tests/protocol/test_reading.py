"""The reader and the generated classes agree, whatever the bytes."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import ImageLayout
from framesrv.frames.source import Codec, SourceFrame
from framesrv.frames.work import Encoding
from framesrv.pipeline.spec import Custom, OutputSpec, PipelineSpec
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import WireFrame, WireLimits, read_batch_request
from tests.protocol import soup
from tests.protocol.judge import judge_batch, judge_stream
from tests.protocol.soup import varint

WIDE = WireLimits()
TIGHT = WireLimits(max_batch_frames=2, max_outputs=1, max_ops=2)
limits = st.sampled_from([WIDE, WIDE, TIGHT])


@given(soup.batch_bytes, limits)
def test_a_batch_is_read_as_protobuf_reads_it(data: bytes, limits: WireLimits) -> None:
    event(judge_batch(data, limits))


@given(soup.stream_bytes, limits)
def test_a_stream_message_is_read_as_protobuf_reads_it(data: bytes, limits: WireLimits) -> None:
    event(judge_stream(data, limits))


def test_payloads_are_views_of_the_message() -> None:
    data = pb.ProcessBatchRequest(
        frames=[
            pb.Frame(encoded=pb.EncodedImage(codec=pb.CODEC_PNG, data=b"x" * 5000)),
            pb.Frame(raw=pb.RawImage(data=b"y" * 5000)),
            pb.Frame(raw=pb.RawImage()),
            pb.Frame(),
        ]
    ).SerializeToString()
    for message in (data, memoryview(data)):
        encoded, raw, empty, unset = read_batch_request(message).frames
        assert encoded.payload is not None
        assert raw.payload is not None
        assert encoded.payload.obj is data
        assert raw.payload.obj is data
        assert (encoded.codec, encoded.layout) == (Codec.PNG, None)
        assert raw.layout == empty.layout == ImageLayout()
        assert empty.payload is not None
        assert empty.payload.nbytes == 0
        assert (unset.payload, unset.layout) == (None, None)


def test_a_part_of_a_buffer_is_read_as_well() -> None:
    data = pb.ProcessBatchRequest(request_id="here").SerializeToString()
    for view in (memoryview(b"--" + data + b"--")[2:-2], memoryview(bytearray(data))):
        assert read_batch_request(view).request_id == "here"


def test_known_numbers_are_members_and_others_stay() -> None:
    outputs = [pb.Output(encoding=number) for number in (4, 5, -1)]  # type: ignore[arg-type]
    data = pb.ProcessBatchRequest(pipeline=pb.Pipeline(outputs=outputs)).SerializeToString()
    plan = read_batch_request(data).plan
    assert isinstance(plan, PipelineSpec)
    assert [output.encoding for output in plan.outputs] == [Encoding.RAW, 5, -1]
    assert isinstance(plan.outputs[0].encoding, Encoding)


def test_equal_pipelines_are_the_same_object() -> None:
    data = pb.ProcessBatchRequest(
        pipeline=pb.Pipeline(outputs=[pb.Output(ops=[pb.Op(rotate=pb.Rotate(degrees=90))])])
    ).SerializeToString()
    assert read_batch_request(data).plan is read_batch_request(data + b"\x50\x01").plan


def test_options_are_in_order() -> None:
    found = set()
    for names in ("abc", "cab"):
        entries = b"".join(b"\x12\x03\x0a\x01" + name.encode() for name in names)
        custom = b"\x7a" + bytes([len(entries)]) + entries
        output = b"\x12" + bytes([len(custom)]) + custom
        pipeline = b"\x0a" + bytes([len(output)]) + output
        found.add(read_batch_request(b"\x12" + bytes([len(pipeline)]) + pipeline).plan)
    custom_op = Custom("", (("a", ""), ("b", ""), ("c", "")))
    assert found == {PipelineSpec((OutputSpec("", (custom_op,)),))}


@pytest.mark.parametrize(
    ("op", "reason"),
    [("", Reason.BAD_PIPELINE), ("4a00", Reason.UNKNOWN_OP), ("0801", Reason.UNKNOWN_OP)],
)
@pytest.mark.parametrize("handed_over", [False, True])
def test_an_op_that_is_not_set(op: str, reason: Reason, handed_over: bool) -> None:
    inner = bytes.fromhex(op)
    output = b"\x12" + bytes([len(inner)]) + inner
    pipeline = b"\x0a" + bytes([len(output)]) + output
    data = b"\x53\x54" * handed_over + b"\x12" + bytes([len(pipeline)]) + pipeline
    with pytest.raises(Refused) as caught:
        read_batch_request(data)
    assert caught.value.reason is reason
    # A name that comes later replaces the pipeline, and with it what is wrong in it.
    assert read_batch_request(data + b"\x1a\x01n").plan == "n"


@pytest.mark.parametrize("deep", [98, 99, 100, 101, 199, 201, 5000])
def test_groups_may_be_as_deep_as_protobuf_has_it(deep: int) -> None:
    groups = b"\x53" * deep + b"\x54" * deep
    judge_batch(groups, WIDE)
    judge_batch(b"\x22" + varint(len(groups)) + groups, WIDE)
    judge_stream(b"\x12" + varint(len(groups)) + groups, WIDE)


# What upb was found to do, and protobuf's documentation does not say.
ODD = {
    "a tag of five bytes": "a280808000 00",
    "a tag of six bytes": "a28080808000 00",
    "the highest field": "faffffff0f 00",
    "a field over the highest": "faffffff1f 00",
    "a length of five bytes": "0a8180808000 78",
    "a length of six bytes": "0a818080808000 78",
    "a length past 2**32": "0a8080808010",
    "a number of ten bytes": "50ffffffffffffffffff7f",
    "a number of eleven bytes": "50ffffffffffffffffffff01",
    "a sequence of over 64 bits": "220b 10ffffffffffffffffff7f",
    "a capture time of over 64 bits": "220b 18feffffffffffffffff7f",
    "a fixed64 that nobody knows": "51 0102030405060708 0a0172",
    "a fixed32 that nobody knows": "55 01020304 0a0172",
    "a quality of over 32 bits": "1208 0a06 208580808010",
    "a mode of over 32 bits": "1206 108180808010",
    "a side of over 32 bits": "120c 0a0a 1208 0a06 088580808010",
    "field 0": "0000",
    "field 0 in a long tag": "800000",
    "wire type 6": "56",
    "an end without a group": "0c",
    "a group under a known number": "0b0c",
    "a group with another's end": "0b14",
    "an entry with more than key and value": "12 0c 0a0a 1208 7a06 1204 0a00 1801",
    "a width of over 32 bits": "220a 2208 0a06 088580808010",
    "a group past the end of its message": "2201 53 54",
    "a group that ends in what comes after its message": "2203 535201 5054",
    "a group in a message, and all is well": "2202 53 54",
    "a message past the end of its message": "2202 2a03 120178",
    "a cut fixed32": "22023d00",
    "a cut fixed64": "5100",
}


@pytest.mark.parametrize("name", ODD)
def test_oddities(name: str) -> None:
    data = bytes.fromhex(ODD[name])
    judge_batch(data, WIDE)
    judge_batch(b"\x53\x54" + data, WIDE)


def test_a_cut_message_is_refused_wherever_it_is_cut() -> None:
    message = pb.ProcessBatchRequest(
        request_id="r",
        pipeline=pb.Pipeline(outputs=[pb.Output(ops=[pb.Op(blur=pb.Blur(sigma=1))])]),
        frames=[
            pb.Frame(sequence=300, captured_at_ns=2**60, crc32c=7, trace_id="t" * 200),
            pb.Frame(raw=pb.RawImage(layout=pb.ImageLayout(width=640), data=b"x" * 300)),
        ],
    )
    data = message.SerializeToString()
    for end in range(len(data)):
        judge_batch(data[:end], WIDE)
        judge_batch(b"\x53\x54" + data[:end], WIDE)


def test_a_refusal_keeps_no_other_error_alive() -> None:
    for data in (b"\x0a\x01\xff", b"\x0a", b"\x53\x54\x0a\x01\xff"):
        with pytest.raises(Refused) as caught:
            read_batch_request(data)
        assert caught.value.__context__ is None
        assert caught.value.reason is Reason.MALFORMED_MESSAGE


def test_a_pooled_record_takes_everything_but_the_arrival() -> None:
    frame = WireFrame("s", 1, 2, ImageLayout(1, 1), Codec.PNG, memoryview(b"x"), 3, "t")
    record = SourceFrame(received_at_ns=9)
    frame.into(record)
    assert record.received_at_ns == 9
    for field in fields(WireFrame):
        assert getattr(record, field.name) == getattr(frame, field.name), field.name
    assert {f.name for f in fields(SourceFrame)} - {f.name for f in fields(WireFrame)} == {
        "received_at_ns"
    }
