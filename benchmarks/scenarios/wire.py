"""What it costs to read frames from a message and to write their results, beside protobuf.

Both sides end with the same in hand: every field of every frame as a Python value, and the
answer's bytes in a buffer. The frames are what a camera sends (150 KB of JPEG), the results
what a pipeline makes of them (20 KB). A cycle is one frame.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from itertools import repeat
from time import time_ns
from typing import Any, Final

from benchmarks.harness import Bench, Contestant, timed
from benchmarks.loops import Loop
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import Encoding, FrameReport, FrameStatus, OutputImage, Timings
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import read_batch_request, result_bytes_bound, write_result

_JPEG: Final = b"\xff\xd8" + bytes(150_000)
_SMALL: Final = memoryview(bytes(20_000))
_BATCH: Final = 25
_LARGE_BYTES: Final = 4096


def request(frames: int) -> bytes:
    ops = [
        pb.Op(resize=pb.Resize(width=640, height=360)),
        pb.Op(resize=pb.Resize(width=320, height=320)),
        pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_RGBA32)),
    ]
    output = pb.Output(name="small", ops=ops, encoding=pb.ENCODING_JPEG, quality=85)
    return pb.ProcessBatchRequest(
        request_id="request-1",
        pipeline=pb.Pipeline(outputs=[output]),
        frames=[
            pb.Frame(
                stream_id="camera-7",
                sequence=1000 + number,
                captured_at_ns=time_ns(),
                encoded=pb.EncodedImage(codec=pb.CODEC_JPEG, data=_JPEG),
                trace_id="0123456789abcdef",
            )
            for number in range(frames)
        ],
    ).SerializeToString()


def read_by_protobuf(data: bytes) -> list[Any]:
    message = pb.ProcessBatchRequest.FromString(data)
    return [
        (
            frame.stream_id,
            frame.sequence,
            frame.captured_at_ns,
            frame.WhichOneof("payload"),
            frame.encoded.codec,
            frame.encoded.data,
            frame.crc32c if frame.HasField("crc32c") else None,
            frame.trace_id,
        )
        for frame in message.frames
    ]


def report() -> FrameReport:
    layout = ImageLayout(320, 320, PixelFormat.RGBA32)
    return FrameReport(
        request_id="request-1",
        stream_id="camera-7",
        sequence=1003,
        status=FrameStatus.OK,
        captured_at_ns=time_ns(),
        received_at_ns=time_ns(),
        trace_id="0123456789abcdef",
        timings=Timings(31_000, 1_800_000, 620_000, 280_000, 2_800_000),
        outputs=[OutputImage("small", Encoding.JPEG, layout, _SMALL)],
    )


def write_by_protobuf(done: FrameReport, into: io.BytesIO) -> None:
    image, times = done.outputs[0], done.timings
    result = pb.FrameResult(
        stream_id=done.stream_id,
        sequence=done.sequence,
        status=pb.FRAME_STATUS_OK,
        outputs=[
            pb.OutputImage(
                name=image.name,
                encoding=pb.ENCODING_JPEG,
                layout=pb.ImageLayout(width=320, height=320, format=pb.PIXEL_FORMAT_RGBA32),
                data=bytes(image.data),
            )
        ],
        timings=pb.Timings(
            queue_ns=times.queue_ns,
            decode_ns=times.decode_ns,
            process_ns=times.process_ns,
            encode_ns=times.encode_ns,
            total_ns=times.total_ns,
        ),
        captured_at_ns=done.captured_at_ns,
        received_at_ns=done.received_at_ns,
        trace_id=done.trace_id,
    )
    into.write(pb.ProcessBatchResponse(results=[result]).SerializeToString())


def reading(read: Callable[[bytes], object], frames: int) -> Loop:
    data = request(frames)

    def loop(cycles: int) -> None:
        for _ in repeat(None, max(1, cycles // frames)):
            read(data)

    return loop


def writing(write: Callable[[FrameReport, io.BytesIO], object]) -> Loop:
    buffer, done = io.BytesIO(), report()

    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            buffer.seek(0)
            write(done, buffer)

    return loop


def copying(done: FrameReport, into: io.BytesIO) -> None:
    """The least there is to write: the payload alone."""
    into.write(done.outputs[0].data)


def measuring(done: FrameReport, _: io.BytesIO) -> None:
    result_bytes_bound(done)


def whole(loop: Loop) -> Contestant:
    """Batches are not cut: a contestant is charged for the frames that it was really given."""
    run = timed(loop)

    def rounded(cycles: int) -> float:
        batches = max(1, cycles // _BATCH)
        return run(batches * _BATCH) * cycles / (batches * _BATCH)

    return rounded


def large_blocks(work: Callable[[], object], frames: int) -> float:
    """Blocks of 4 KiB and more a frame that are alive when the work is done."""
    work()
    tracemalloc.start()
    try:
        kept = work()
        sizes = [trace.size for trace in tracemalloc.take_snapshot().traces]
        del kept
    finally:
        tracemalloc.stop()
    return sum(size >= _LARGE_BYTES for size in sizes) / frames


_LABELS: Final = {
    "read_batch": f"read a batch of {_BATCH}",
    "read_batch_protobuf": f"read a batch of {_BATCH}, protobuf",
    "read_one": "read a batch of 1",
    "read_one_protobuf": "read a batch of 1, protobuf",
    "write": "write a result",
    "write_protobuf": "write a result, protobuf",
    "size": "say the size of a result",
    "copy": "the payload's copy in it, alone",
}


def run(bench: Bench) -> Outcome:
    measured = bench.compare(
        {
            "read_batch": whole(reading(read_batch_request, _BATCH)),
            "read_batch_protobuf": whole(reading(read_by_protobuf, _BATCH)),
            "read_one": timed(reading(read_batch_request, 1)),
            "read_one_protobuf": timed(reading(read_by_protobuf, 1)),
            "write": timed(writing(write_result)),
            "write_protobuf": timed(writing(write_by_protobuf)),
            "size": timed(writing(measuring)),
            "copy": timed(writing(copying)),
        },
        baseline="read_batch",
    )
    figures = []
    for key, label in _LABELS.items():
        us = measured[key].seconds
        low, high = us.low * 1e6, us.high * 1e6
        figures.append(Figure(f"wire.{key}", label, us.median * 1e6, "us", low, high))
    data = request(_BATCH)
    for key, read in (("ours", read_batch_request), ("protobuf", read_by_protobuf)):
        blocks = large_blocks(lambda read=read: read(data), _BATCH)  # type: ignore[misc]
        figures.append(Figure(f"wire.blocks_{key}", f"read, {key}: blocks >= 4 KiB", blocks, ""))
    return Outcome(
        figures, notes=("Microseconds a frame. Reading copies no payload; protobuf copies it.",)
    )


SCENARIO = Scenario("wire", "A frame read from a message, a result written", run)
