"""The error table (DESIGN, section 5): a call that cannot be served is refused, and says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from error_table import batch, check
from google.protobuf.duration_pb2 import Duration
from pictures import JPEG, as_it_is, custom, encoded, resize
from props import Running, serving
from stock_client import Stream, bytes_call, bytes_stream, channel, of_frame, refusal

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("table")) as running:
        yield running


PIPELINES: dict[str, tuple[pb.Pipeline, str, str]] = {
    "no outputs": (pb.Pipeline(), "INVALID_ARGUMENT", "BAD_PIPELINE"),
    "an empty op": (as_it_is(0, pb.Op()), "INVALID_ARGUMENT", "BAD_PIPELINE"),
    "names twice": (
        pb.Pipeline(outputs=[pb.Output(name="a"), pb.Output(name="a")]),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "long names twice": (
        pb.Pipeline(outputs=[pb.Output(name="é" * 50_000), pb.Output(name="é" * 50_000)]),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "quality": (
        pb.Pipeline(outputs=[pb.Output(name="a", quality=101)]),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "degrees": (
        as_it_is(0, pb.Op(rotate=pb.Rotate(degrees=45))),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "both sides 0": (as_it_is(0, resize()), "INVALID_ARGUMENT", "BAD_PIPELINE"),
    "17 outputs": (
        pb.Pipeline(outputs=[pb.Output(name=str(n)) for n in range(17)]),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "33 operations": (as_it_is(0, *[resize(width=8)] * 33), "INVALID_ARGUMENT", "BAD_PIPELINE"),
    "unknown op": (as_it_is(0, pb.Op.FromString(b"\x4a\x00")), "UNIMPLEMENTED", "UNKNOWN_OP"),
    "unknown processor": (as_it_is(0, custom("gone")), "NOT_FOUND", "UNKNOWN_PROCESSOR"),
    "long unknown processor": (
        as_it_is(0, custom("x" * 100_000)),
        "NOT_FOUND",
        "UNKNOWN_PROCESSOR",
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_that_cannot_be_had(stub: FrameServiceStub, name: str) -> None:
    pipeline, code, reason = PIPELINES[name]
    check(refusal(lambda: batch(stub, encoded(JPEG), pipeline=pipeline)), code, reason)
    check(refusal(lambda: batch(stub, pipeline=pipeline)), code, reason)
    stream = Stream(stub, pipeline=pipeline)
    check(refusal(stream.read), code, reason)


def test_a_pipeline_name_that_is_not_known(stub: FrameServiceStub) -> None:
    told = refusal(lambda: batch(stub, encoded(JPEG), pipeline_name="nobody's"))
    check(told, "NOT_FOUND", "UNKNOWN_PIPELINE")
    stream = Stream(stub, pipeline_name="nobody's")
    check(refusal(stream.read), "NOT_FOUND", "UNKNOWN_PIPELINE")


def test_what_is_no_message(server: Running) -> None:
    cases = [b"\x0a\x05abc", b"\x07", b"\x0a\x02\xff\xfe", b"\x0b", b"\xff" * 11, b"\x00\x01"]
    with channel(server.address) as line:
        unary = bytes_call(line, "ProcessBatch")
        stream = bytes_stream(line)
        info = bytes_call(line, "GetServerInfo")
        for data in cases:
            told = refusal(lambda data=data: unary(data, timeout=60))  # type: ignore[misc]
            check(told, "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
            told = refusal(lambda data=data: list(stream(iter([data]), timeout=60)))  # type: ignore[misc]
            check(told, "INVALID_ARGUMENT", "MALFORMED_MESSAGE")
        check(refusal(lambda: info(b"\x0b", timeout=60)), "INVALID_ARGUMENT", "MALFORMED_MESSAGE")


def test_too_many_frames_in_a_batch(stub: FrameServiceStub) -> None:
    frames = [pb.Frame()] * 65
    told = refusal(lambda: batch(stub, *frames))
    check(told, "INVALID_ARGUMENT", "BATCH_TOO_LARGE")
    assert len(batch(stub, *frames[:64])) == 64
    stream = Stream(stub)
    stream.ready()
    stream.batch(encoded(JPEG, 7))
    stream.batch(*frames)
    assert stream.results(1)[0].sequence == 7, "what was accepted is answered first"
    check(refusal(stream.read), "INVALID_ARGUMENT", "BATCH_TOO_LARGE")


def test_too_large_a_message(server: Running, stub: FrameServiceStub) -> None:
    most = stub.GetServerInfo(pb.GetServerInfoRequest()).max_message_bytes
    assert most == 68 * 1024 * 1024
    told = refusal(lambda: batch(stub, encoded(bytes(most))))
    assert (told.code, told.reason) == ("RESOURCE_EXHAUSTED", "")
    stream = Stream(stub)
    stream.ready()
    stream.batch(encoded(bytes(most)))
    assert refusal(stream.read).code == "RESOURCE_EXHAUSTED"
    fits = encoded(bytes(most - 64))
    assert of_frame(batch(stub, fits)[0]).reason == "IMAGE_CORRUPT"


def test_stream_options_that_cannot_be(stub: FrameServiceStub) -> None:
    for config in (
        {"max_age": Duration(seconds=-1)},
        {"publish": True},
        {"drop_policy": 9},
        {"stream_id": "x" * 1025},
    ):
        stream = Stream(stub, **config)
        check(refusal(stream.read), "INVALID_ARGUMENT", "BAD_CONFIG")


def test_the_order_of_a_stream_s_messages(stub: FrameServiceStub) -> None:
    early = Stream(stub, opened=False)
    early.batch(encoded(JPEG))
    check(refusal(early.read), "FAILED_PRECONDITION", "STREAM_NOT_OPEN")
    twice = Stream(stub)
    twice.ready()
    twice.batch(encoded(JPEG, 1))
    twice.open()
    assert twice.results(1)[0].status == pb.FRAME_STATUS_OK
    check(refusal(twice.read), "FAILED_PRECONDITION", "STREAM_ALREADY_OPEN")


def test_a_second_publisher(stub: FrameServiceStub, server: Running) -> None:
    first = Stream(stub, stream_id="cam", publish=True)
    first.ready()
    second = Stream(stub, stream_id="cam", publish=True)
    check(refusal(second.read), "ALREADY_EXISTS", "STREAM_TAKEN")
    third = Stream(stub, stream_id="cam")
    third.ready()
    third.half_close()
    assert third.rest() == []
    first.half_close()
    assert first.rest() == []
    server.until(lambda s: not s["streams"])
    again = Stream(stub, stream_id="cam", publish=True)
    again.ready()
    again.half_close()
    assert again.rest() == []


SUBSCRIPTIONS: dict[str, tuple[pb.SubscribeRequest, str, str]] = {
    "a stream that nobody publishes": (
        pb.SubscribeRequest(stream_ids=["nobody's"]),
        "NOT_FOUND",
        "UNKNOWN_STREAM",
    ),
    "an empty id": (pb.SubscribeRequest(stream_ids=["a", ""]), "INVALID_ARGUMENT", "BAD_CONFIG"),
    "65 streams": (
        pb.SubscribeRequest(stream_ids=[str(n) for n in range(65)], wait=True),
        "INVALID_ARGUMENT",
        "BAD_CONFIG",
    ),
    "too large a request": (
        pb.SubscribeRequest(stream_ids=["x" * 65_536]),
        "INVALID_ARGUMENT",
        "MALFORMED_MESSAGE",
    ),
}


@pytest.mark.parametrize("name", SUBSCRIPTIONS)
def test_subscriptions(stub: FrameServiceStub, name: str) -> None:
    request, code, reason = SUBSCRIPTIONS[name]
    check(refusal(lambda: list(stub.Subscribe(request, timeout=60))), code, reason)


def test_a_method_that_nobody_knows(server: Running) -> None:
    with channel(server.address) as line:
        call = bytes_call(line, "Nothing")
        assert refusal(lambda: call(b"", timeout=60)).code == "UNIMPLEMENTED"
