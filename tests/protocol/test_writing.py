"""What is written is, byte for byte, what protobuf writes."""

from __future__ import annotations

import io
import time
from itertools import product
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import (
    Encoding,
    FrameError,
    FrameReport,
    FrameStatus,
    OutputImage,
    Timings,
)
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.status import code_of
from framesrv.protocol.wire import (
    batch_response_prefix,
    go_away,
    result_bytes_bound,
    stream_ready,
    stream_results_prefix,
    write_result,
    write_stream_result,
)

edges = [0, 1, 2, 7, 14, 21, 28, 32, 35, 42, 49, 56, 63]
uint64 = st.one_of(
    st.integers(0, 2**64 - 1),
    st.sampled_from([number for bit in edges for number in (2**bit - 1, 2**bit, 2**bit + 1)]),
)
uint32 = uint64.map(lambda number: number & 0xFFFFFFFF)
int64 = uint64.map(lambda number: number - 2**63) | uint64.filter(lambda n: n < 2**63)
texts = st.text(max_size=8) | st.sampled_from(["x" * 63, "x" * 127, "x" * 128, "é" * 64])
layouts = st.builds(
    ImageLayout, uint32, uint32, st.sampled_from(PixelFormat) | st.integers(-1, 9), uint32
)
images = st.builds(
    OutputImage,
    texts,
    st.sampled_from(Encoding),
    layouts,
    st.sampled_from([0, 1, 127, 128, 16383, 16384, 70_000]).map(lambda n: memoryview(b"p" * n)),
)
errors = st.builds(
    FrameError, st.sampled_from(Reason), texts, st.none() | st.integers(-(10**10), 10**20)
)
reports = st.builds(
    FrameReport,
    st.just("request"),
    texts,
    uint64,
    st.sampled_from(FrameStatus),
    st.none() | errors,
    int64,
    int64,
    texts,
    st.builds(Timings, uint64, uint64, uint64, uint64, uint64)
    | st.builds(Timings, *[st.integers(1, 10**9)] * 5),
    st.lists(images, max_size=3),
)


def by_protobuf(report: FrameReport) -> pb.FrameResult:
    error = None
    if report.error is not None:
        error = pb.FrameError(
            code=code_of(report.error.reason),
            reason=report.error.reason.value,
            message=report.error.message,
        )
        if report.error.retry_after_ns is not None:
            after = Duration()
            after.FromNanoseconds(report.error.retry_after_ns)
            error.retry_after.CopyFrom(after)
    times = report.timings
    return pb.FrameResult(
        stream_id=report.stream_id,
        sequence=report.sequence,
        status=int(report.status),  # type: ignore[arg-type]
        error=error,
        outputs=[_image(image) for image in report.outputs],
        timings=pb.Timings(
            queue_ns=times.queue_ns,
            decode_ns=times.decode_ns,
            process_ns=times.process_ns,
            encode_ns=times.encode_ns,
            total_ns=times.total_ns,
        ),
        captured_at_ns=report.captured_at_ns,
        received_at_ns=report.received_at_ns,
        trace_id=report.trace_id,
    )


def _image(image: OutputImage) -> pb.OutputImage:
    layout: Any = image.layout
    return pb.OutputImage(
        name=image.name,
        encoding=int(image.encoding),  # type: ignore[arg-type]
        layout=pb.ImageLayout(
            width=layout.width,
            height=layout.height,
            format=layout.format,
            row_stride_bytes=layout.row_stride_bytes,
        ),
        data=bytes(image.data),
    )


def written(reports: list[FrameReport], write: Any) -> bytes:
    buffer = ScratchBytesIO()
    for report in reports:
        before = buffer.tell()
        write(report, buffer)
        assert buffer.tell() - before == result_bytes_bound(report)
    return buffer.getvalue()


def serialised(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


@given(st.lists(reports, max_size=3), texts)
def test_a_batch_response_is_written_as_protobuf_writes_it(
    reports: list[FrameReport], request_id: str
) -> None:
    message = pb.ProcessBatchResponse(
        request_id=request_id, results=[by_protobuf(report) for report in reports]
    )
    mine = batch_response_prefix(request_id) + written(reports, write_result)
    assert mine == serialised(message)
    assert pb.ProcessBatchResponse.FromString(mine) == message


@given(st.lists(reports, max_size=3))
def test_a_stream_response_is_written_as_protobuf_writes_it(reports: list[FrameReport]) -> None:
    message = pb.ProcessStreamResponse(
        results=pb.ResultBatch(results=[by_protobuf(report) for report in reports])
    )
    results = written(reports, write_stream_result)
    assert stream_results_prefix(len(results)) + results == serialised(message)


def test_only_the_zero_state_is_written_for_an_empty_report() -> None:
    assert written([FrameReport()], write_result) == b"\x12\x02\x32\x00"


@pytest.mark.parametrize("times", list(product([0, 200_000], repeat=5)))
def test_timings_that_are_zero_are_left_out(times: tuple[int, ...]) -> None:
    report = FrameReport(timings=Timings(*times))
    message = pb.ProcessBatchResponse(results=[by_protobuf(report)])
    assert written([report], write_result) == serialised(message)


def test_a_payload_is_handed_on_as_it_is() -> None:
    """Copied once, by the buffer it is written into."""
    data = memoryview(bytearray(b"p" * 5000))
    pieces: list[Any] = []

    class Sink:
        def write(self, piece: Any) -> None:
            pieces.append(piece)

    image = OutputImage("a", Encoding.JPEG, ImageLayout(1, 1, PixelFormat.BGR24), data)
    write_result(FrameReport(outputs=[image, image]), Sink())
    assert sum(piece is data for piece in pieces) == 2
    assert all(len(piece) < 100 for piece in pieces if piece is not data)


@pytest.mark.parametrize("number", [-1, 2**64])
def test_a_number_that_the_field_cannot_hold_is_no_other_number(number: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        write_result(FrameReport(sequence=number), io.BytesIO())


def test_times_follow_one_another() -> None:
    """The high bits of a time are kept between calls."""
    now = time.time_ns()
    for at in (now, now + 1, now + 2**28, now - 2**40, 2**28, 2**28 - 1):
        report = FrameReport(received_at_ns=at)
        data = written([report], write_result)
        assert pb.ProcessBatchResponse.FromString(data).results[0].received_at_ns == at


@given(texts, texts, uint32, uint32)
def test_ready(session_id: str, stream_id: str, in_flight: int, batch: int) -> None:
    message = pb.ProcessStreamResponse.FromString(
        stream_ready(session_id, stream_id, in_flight, batch)
    )
    ready = message.ready
    assert message.WhichOneof("message") == "ready"
    assert (ready.session_id, ready.stream_id) == (session_id, stream_id)
    assert (ready.max_in_flight_frames, ready.max_batch_frames) == (in_flight, batch)


def test_go_away() -> None:
    message = pb.ProcessStreamResponse.FromString(go_away("to be restarted", 2.25))
    assert message.go_away.reason == "to be restarted"
    assert message.go_away.grace.ToNanoseconds() == 2_250_000_000
