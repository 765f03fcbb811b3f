"""Every row of the error table (DESIGN, section 5) as a stock client sees it."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from PIL import Image
from props import (
    Gate,
    Running,
    Stream,
    Told,
    as_it_is,
    bytes_call,
    bytes_stream,
    channel,
    coded,
    connected,
    custom,
    encoded,
    of_frame,
    picture,
    raw,
    refusal,
    results_of,
    serving,
)

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

JPEG = coded(picture())
SECRETS = ("/etc/secret", "Traceback", "/work", ".py")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(
        tmp_path_factory.mktemp("table"), images={"max_jpeg_scans": 5}, quiet=False
    ) as running:
        yield running


@pytest.fixture(scope="module")
def stub(server: Running) -> Iterator[FrameServiceStub]:
    with connected(server.address) as found:
        yield found


def check(told: Told, code: str, reason: str, *, retries: bool = False) -> None:
    assert (told.code, told.reason, told.retries) == (code, reason, retries), told
    assert told.message
    assert not any(secret in told.message for secret in SECRETS)


def batch(stub: FrameServiceStub, *frames: pb.Frame, **fields: Any) -> list[pb.FrameResult]:
    request = pb.ProcessBatchRequest(frames=frames, **fields)
    return list(stub.ProcessBatch(request, timeout=60).results)


# -- frames ------------------------------------------------------------------------------------

GREY_4X2 = bytes(8)
NINE: Any = 9  # no codec has this number


def progressive() -> bytes:
    store = io.BytesIO()
    Image.fromarray(picture()).save(store, "JPEG", progressive=True)
    assert store.getvalue().count(b"\xff\xda") > 5
    return store.getvalue()


def wide_png() -> bytes:
    """One row of 8,193 pixels."""
    return coded(np.zeros((1, 8193, 3), np.uint8), ".png")


FRAMES: dict[str, tuple[Callable[[], pb.Frame], str, str]] = {
    "length": (
        lambda: raw(bytes(7), 4, 2, pb.PIXEL_FORMAT_GRAY8),
        "INVALID_ARGUMENT",
        "SHAPE_MISMATCH",
    ),
    "no layout": (
        lambda: pb.Frame(
            raw=pb.RawImage(layout=pb.ImageLayout(format=pb.PIXEL_FORMAT_GRAY8), data=GREY_4X2)
        ),
        "INVALID_ARGUMENT",
        "SHAPE_MISMATCH",
    ),
    "stride": (
        lambda: raw(GREY_4X2, 4, 2, pb.PIXEL_FORMAT_GRAY8, 3),
        "INVALID_ARGUMENT",
        "SHAPE_MISMATCH",
    ),
    "odd planes": (
        lambda: raw(bytes(9), 3, 2, pb.PIXEL_FORMAT_NV12),
        "INVALID_ARGUMENT",
        "SHAPE_MISMATCH",
    ),
    "format unset": (lambda: raw(GREY_4X2, 4, 2, 0), "INVALID_ARGUMENT", "UNSUPPORTED_FORMAT"),
    "format unknown": (lambda: raw(GREY_4X2, 4, 2, 99), "INVALID_ARGUMENT", "UNSUPPORTED_FORMAT"),
    "no payload": (pb.Frame, "UNIMPLEMENTED", "UNSUPPORTED_PAYLOAD"),
    "codec unknown": (
        lambda: pb.Frame(encoded=pb.EncodedImage(codec=NINE, data=JPEG)),
        "UNIMPLEMENTED",
        "UNSUPPORTED_PAYLOAD",
    ),
    "cut image": (lambda: encoded(JPEG[:-99]), "INVALID_ARGUMENT", "IMAGE_CORRUPT"),
    "junk": (lambda: encoded(b"junk"), "INVALID_ARGUMENT", "IMAGE_CORRUPT"),
    "empty image": (lambda: encoded(b""), "INVALID_ARGUMENT", "IMAGE_CORRUPT"),
    "side": (lambda: encoded(wide_png()), "INVALID_ARGUMENT", "IMAGE_TOO_LARGE"),
    "raw pixels": (
        lambda: raw(b"", 8192, 8192, pb.PIXEL_FORMAT_GRAY8),
        "INVALID_ARGUMENT",
        "IMAGE_TOO_LARGE",
    ),
    "scans": (lambda: encoded(progressive()), "INVALID_ARGUMENT", "TOO_MANY_SCANS"),
    "crc": (lambda: encoded(JPEG, crc32c=1), "DATA_LOSS", "CRC_MISMATCH"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_a_bad_frame_fails_alone_in_a_batch(stub: FrameServiceStub, name: str) -> None:
    make, code, reason = FRAMES[name]
    good, bad, more = batch(stub, encoded(JPEG, 1), make(), encoded(JPEG, 3))
    assert (good.status, more.status) == (pb.FRAME_STATUS_OK,) * 2
    assert bad.status == pb.FRAME_STATUS_FAILED
    assert not bad.outputs
    check(of_frame(bad), code, reason)


def test_bad_frames_do_not_end_a_stream(stub: FrameServiceStub) -> None:
    stream = Stream(stub, stream_id="mine")
    stream.ready()
    for make, code, reason in FRAMES.values():
        stream.batch(encoded(JPEG), make(), encoded(JPEG))
        good, bad, more = stream.results(3)
        assert (good.status, more.status) == (pb.FRAME_STATUS_OK,) * 2
        check(of_frame(bad), code, reason)
    stream.batch(encoded(JPEG, stream_id="another"), encoded(JPEG, stream_id="mine"))
    bad, good = stream.results(2)
    check(of_frame(bad), "INVALID_ARGUMENT", "BAD_STREAM_ID")
    assert bad.stream_id == good.stream_id == "mine", "another client's name goes to nobody"
    assert good.status == pb.FRAME_STATUS_OK
    stream.half_close()
    assert stream.rest() == []
    assert stream.call.code() is grpc.StatusCode.OK


def test_a_step_that_does_not_fit_the_frame(stub: FrameServiceStub) -> None:
    crop = pb.Op(crop=pb.Crop(x=60, width=10, height=10))
    wide = encoded(coded(picture(80, 60)))
    bad, good = batch(stub, encoded(JPEG), wide, pipeline=as_it_is(pb.ENCODING_JPEG, crop))
    check(of_frame(bad), "INVALID_ARGUMENT", "BAD_GEOMETRY")
    assert good.status == pb.FRAME_STATUS_OK


def test_an_output_over_the_pixel_cap(stub: FrameServiceStub) -> None:
    grow = pb.Op(resize=pb.Resize(width=8192))
    (result,) = batch(stub, encoded(JPEG), pipeline=as_it_is(0, grow))
    check(of_frame(result), "INVALID_ARGUMENT", "IMAGE_TOO_LARGE")


def test_a_processor_that_raises(stub: FrameServiceStub) -> None:
    for result in batch(stub, encoded(JPEG), encoded(JPEG), pipeline=as_it_is(0, custom("fails"))):
        check(of_frame(result), "INTERNAL", "PROCESSOR_FAILED")
    assert batch(stub, encoded(JPEG))[0].status == pb.FRAME_STATUS_OK


def test_a_worker_that_is_lost(stub: FrameServiceStub, server: Running) -> None:
    before = server.stats()["workers_lost"]
    for result in batch(stub, *[encoded(JPEG)] * 4, pipeline=as_it_is(0, custom("fatal"))):
        check(of_frame(result), "UNAVAILABLE", "WORKER_LOST", retries=True)
    stream = Stream(stub, pipeline=as_it_is(0, custom("fatal")))
    stream.ready()
    stream.batch(encoded(JPEG, 5))
    (result,) = stream.results(1)
    assert result.sequence == 5
    check(of_frame(result), "UNAVAILABLE", "WORKER_LOST", retries=True)
    stream.half_close()
    assert stream.rest() == []
    assert server.stats()["workers_lost"] == before + 3
    assert {r.status for r in batch(stub, *[encoded(JPEG)] * 8)} == {pb.FRAME_STATUS_OK}


def test_a_frame_that_is_answered_says_whose_it_is(stub: FrameServiceStub) -> None:
    """Also where it failed, and by whatever it failed."""
    labels: dict[str, Any] = {"stream_id": "label", "captured_at_ns": 5, "trace_id": "trace"}
    for pipeline in (as_it_is(pb.ENCODING_JPEG), *(as_it_is(0, custom(p)) for p in TRICKS)):
        (result,) = batch(stub, encoded(JPEG, 2**64 - 1, **labels), pipeline=pipeline)
        assert (result.stream_id, result.sequence, result.captured_at_ns, result.trace_id) == (
            "label",
            2**64 - 1,
            5,
            "trace",
        )
        assert result.received_at_ns > 0
        assert result.timings.total_ns > 0


TRICKS = ("fails", "fatal")


# -- calls -------------------------------------------------------------------------------------


def _resize(**fields: Any) -> pb.Op:
    return pb.Op(resize=pb.Resize(**fields))


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
    "both sides 0": (as_it_is(0, _resize()), "INVALID_ARGUMENT", "BAD_PIPELINE"),
    "17 outputs": (
        pb.Pipeline(outputs=[pb.Output(name=str(n)) for n in range(17)]),
        "INVALID_ARGUMENT",
        "BAD_PIPELINE",
    ),
    "33 operations": (as_it_is(0, *[_resize(width=8)] * 33), "INVALID_ARGUMENT", "BAD_PIPELINE"),
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


def test_subscribe_is_not_offered_yet(stub: FrameServiceStub) -> None:
    told = refusal(lambda: list(stub.Subscribe(pb.SubscribeRequest(), timeout=60)))
    check(told, "UNIMPLEMENTED", "NOT_OFFERED")


def test_a_method_that_nobody_knows(server: Running) -> None:
    with channel(server.address) as line:
        call = bytes_call(line, "Nothing")
        assert refusal(lambda: call(b"", timeout=60)).code == "UNIMPLEMENTED"


def test_an_answer_over_the_cap_fails_its_frames_only(tmp_path: Path) -> None:
    """And the errors that take the frames' place have room, whatever was there before."""
    cap = 64 * 1024
    with (
        serving(tmp_path, transport={"max_message_bytes": cap}) as server,
        connected(server.address) as stub,
    ):
        raw_64x64 = as_it_is(pb.ENCODING_RAW, _resize(width=64, height=64))
        small = coded(picture(8, 8))
        for trace in ("", "t" * 250):
            frames = [encoded(small, n, trace_id=trace) for n in range(64)]
            results = batch(stub, *frames, pipeline=raw_64x64)
            assert [r.sequence for r in results] == list(range(64))
            assert any(r.status == pb.FRAME_STATUS_OK for r in results)
            failed = [r for r in results if r.status == pb.FRAME_STATUS_FAILED]
            assert len(failed) > 50
            for result in failed:
                check(of_frame(result), "RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE")
        # To the byte: outputs of every size leave less and less for the error.
        for width in range(5300, 5460, 8):
            wide = as_it_is(pb.ENCODING_RAW, _resize(width=width, height=1))
            frames = [encoded(small, n) for n in range(6)]
            results = batch(stub, *frames, pipeline=wide)
            assert [r.sequence for r in results] == list(range(6))
        stream = Stream(stub, pipeline=as_it_is(pb.ENCODING_RAW, _resize(width=160, height=160)))
        stream.ready()
        stream.batch(*(encoded(small, n) for n in range(3)))
        for result in stream.results(3):
            check(of_frame(result), "RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE")
        stream.half_close()
        assert stream.rest() == []


def test_a_full_queue(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1, "max_in_flight_frames": 2}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(4) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=gate.pipeline)
        gate.wait_for(1)
        second = pool.submit(batch, stub, encoded(JPEG), pipeline=gate.pipeline)
        server.until(lambda s: s["admitted"][0] == 2)
        told = refusal(lambda: batch(stub, encoded(JPEG)))
        check(told, "RESOURCE_EXHAUSTED", "QUEUE_FULL", retries=True)
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60).version
        stream = Stream(stub)  # its sender waits: nothing is refused
        stream.ready()
        stream.batch(encoded(JPEG))
        gate.open()
        assert stream.results(1)[0].status == pb.FRAME_STATUS_OK
        stream.half_close()
        assert stream.rest() == []
        for call in (first, second):
            assert call.result(60)[0].status == pb.FRAME_STATUS_OK


def test_the_pools_and_the_byte_budget(tmp_path: Path) -> None:
    """49 MB find room when 54 have left, 200 MB never do."""
    gate = Gate(tmp_path)
    env = {
        "FRAMESRV_POOL_BUDGET_BYTES": str(128 * 1024 * 1024),
        "FRAMESRV_POOL_JPEG_CAPACITY": "4",
        "FRAMESRV_POOL_JPEG_WARM": "1",
    }
    large = as_it_is(pb.ENCODING_RAW, _resize(width=4096, height=4000))
    held = as_it_is(
        pb.ENCODING_JPEG,
        _resize(width=3000, height=3000),
        custom("gate", here=str(gate.folder)),
        _resize(width=8),
    )
    with (
        serving(tmp_path, env=env, engine={"pool_wait_s": 0.2}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=held)
        gate.wait_for(1)
        (result,) = batch(stub, encoded(JPEG), pipeline=large)
        check(of_frame(result), "RESOURCE_EXHAUSTED", "MEMORY_BUDGET", retries=True)
        gate.open()
        assert first.result(60)[0].status == pb.FRAME_STATUS_OK
        outputs = [
            pb.Output(name=str(n), ops=[_resize(width=4096, height=4000)], encoding=pb.ENCODING_RAW)
            for n in range(4)
        ]
        (result,) = batch(stub, encoded(JPEG), pipeline=pb.Pipeline(outputs=outputs))
        check(of_frame(result), "INVALID_ARGUMENT", "IMAGE_TOO_LARGE")


def test_a_pool_that_is_empty(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    env = {"FRAMESRV_POOL_JPEG_CAPACITY": "2"}
    holding = pb.Pipeline(
        outputs=[
            pb.Output(name="a"),
            pb.Output(name="b", ops=[custom("gate", here=str(gate.folder))]),
        ]
    )
    with (
        serving(tmp_path, env=env, engine={"pool_wait_s": 0.1}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=holding)
        gate.wait_for(1)
        (result,) = batch(stub, encoded(JPEG))
        check(of_frame(result), "RESOURCE_EXHAUSTED", "POOL_TIMEOUT", retries=True)
        gate.open()
        assert first.result(60)[0].status == pb.FRAME_STATUS_OK


def test_too_many_streams(tmp_path: Path) -> None:
    with (
        serving(tmp_path, streams={"max_streams": 2}) as server,
        connected(server.address) as stub,
    ):
        streams = [Stream(stub), Stream(stub)]
        for stream in streams:
            stream.ready()
        told = refusal(Stream(stub).read)
        check(told, "RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", retries=True)
        streams[0].half_close()
        assert streams[0].rest() == []
        server.until(lambda s: s["streams"] == s["calls"] == 1)
        # A call that was never opened costs as much as one that was.
        unopened = Stream(stub, opened=False)
        server.until(lambda s: s["calls"] == 2)
        told = refusal(Stream(stub).read)
        check(told, "RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", retries=True)
        for stream in (streams[1], unopened):
            stream.half_close()
            assert stream.rest() == []


def test_a_deadline_that_passes(tmp_path: Path) -> None:
    """The call ends on time; of what was not begun, nothing is done."""
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        request = pb.ProcessBatchRequest(frames=[encoded(JPEG)] * 3, pipeline=gate.pipeline)
        told = refusal(lambda: stub.ProcessBatch(request, timeout=0.3))
        assert told.code == "DEADLINE_EXCEEDED"
        gate.wait_for(1)
        assert server.stats()["admitted"][0] == 3, "the slot is held until the thread ends"
        stream = stub.ProcessStream(
            iter(
                [
                    pb.ProcessStreamRequest(open=pb.StreamConfig(pipeline=gate.pipeline)),
                    pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[encoded(JPEG)] * 2)),
                ]
            ),
            timeout=0.5,
        )
        assert refusal(lambda: list(stream)).code == "DEADLINE_EXCEEDED"
        gate.open()
        stats = server.settled()
        assert gate.entered() == 1
        late = {"failed DEADLINE", "dropped CLIENT_GONE"}
        assert set(stats["frames"]) <= late
        assert sum(stats["frames"].values()) == 5, "each is counted, though nobody hears of it"


@pytest.mark.parametrize("policy", [pb.DROP_POLICY_OLDEST, pb.DROP_POLICY_NEWEST])
def test_frames_beyond_the_window(tmp_path: Path, policy: Any) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, drop_policy=policy, max_in_flight_frames=3)
        assert stream.ready().max_in_flight_frames == 3
        stream.batch(encoded(JPEG, 0))
        gate.wait_for(1)
        stream.batch(*(encoded(JPEG, n) for n in range(1, 6)))
        stream.half_close()
        if policy == pb.DROP_POLICY_NEWEST:
            server.until(lambda s: s["frames"].get("dropped DROPPED_BY_POLICY") == 3)
        else:
            server.until(lambda s: s["admitted"][0] == 6)
        gate.open()
        results = results_of(stream.rest())
        assert [r.sequence for r in results] == list(range(6))
        kept = {r.sequence for r in results if r.status == pb.FRAME_STATUS_OK}
        assert kept == ({0, 4, 5} if policy == pb.DROP_POLICY_OLDEST else {0, 1, 2})
        for result in results:
            if result.sequence not in kept:
                assert result.status == pb.FRAME_STATUS_DROPPED
                check(of_frame(result), "ABORTED", "DROPPED_BY_POLICY")


def test_frames_that_are_too_old(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, max_age=Duration(seconds=1))
        stream.ready()
        stream.batch(encoded(JPEG, 1))
        gate.wait_for(1)
        stream.batch(encoded(JPEG, 2))
        server.until(lambda s: s["admitted"][0] == 2)
        threading.Event().wait(1.2)  # nothing but time makes it old
        gate.open()
        good, old = stream.results(2)
        assert good.status == pb.FRAME_STATUS_OK
        assert old.status == pb.FRAME_STATUS_DROPPED
        check(of_frame(old), "DEADLINE_EXCEEDED", "TOO_OLD")
        stream.half_close()
        assert stream.rest() == []


def test_a_server_that_drains(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, transport={"grace_s": 30.0}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline)
        stream.ready()
        stream.batch(encoded(JPEG, 1))
        gate.wait_for(1)
        unopened = Stream(stub, opened=False)
        server.until(lambda s: s["calls"] == 2)
        server.terminate()
        message = stream.read()
        assert message.WhichOneof("message") == "go_away"
        assert message.go_away.reason
        assert message.go_away.grace.ToNanoseconds() > 0
        told = refusal(lambda: batch(stub, encoded(JPEG)))
        check(told, "UNAVAILABLE", "DRAINING", retries=True)
        check(refusal(Stream(stub).read), "UNAVAILABLE", "DRAINING", retries=True)
        unopened.open()
        check(refusal(unopened.read), "UNAVAILABLE", "DRAINING", retries=True)
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60).draining
        stream.batch(encoded(JPEG, 2), encoded(JPEG, 3))
        gate.open()
        accepted, *late = stream.results(3)
        assert (accepted.sequence, accepted.status) == (1, pb.FRAME_STATUS_OK)
        for result in late:
            assert result.status == pb.FRAME_STATUS_FAILED
            check(of_frame(result), "UNAVAILABLE", "DRAINING", retries=True)
        stream.half_close()
        assert stream.rest() == []
        assert server.wait() == 0


def test_a_client_that_is_gone_is_counted(tmp_path: Path) -> None:
    """All its frames, also those that were waiting for the window."""
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, max_in_flight_frames=2)
        stream.ready()
        stream.batch(encoded(JPEG), encoded(JPEG))
        gate.wait_for(1)
        # The window is full: of these, the first is read and the second is not.
        stream.batch(*[encoded(JPEG)] * 3)
        future = stub.ProcessBatch.future(
            pb.ProcessBatchRequest(frames=[encoded(JPEG)] * 4, pipeline=gate.pipeline), timeout=60
        )
        server.until(lambda s: s["admitted"][0] == 6)
        stream.call.cancel()
        future.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
        server.until(lambda s: not s["calls"])
        gate.open()
        stats = server.settled()
        assert sum(stats["frames"].values()) == 9
        assert stats["frames"].get("dropped CLIENT_GONE", 0) >= 7
