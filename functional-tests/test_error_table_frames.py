"""The error table (DESIGN, section 5): a bad frame fails alone, and never ends its call."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from error_table import batch, check
from pictures import JPEG, as_it_is, coded, custom, encoded, picture, raw, resize
from PIL import Image
from props import Running, serving
from stock_client import Stream, connected, of_frame

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

GREY_4X2 = bytes(8)
NINE: Any = 9  # no codec has this number
TRICKS = ("fails", "fatal")  # processors: one raises, one takes its thread along


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(
        tmp_path_factory.mktemp("table"), images={"max_jpeg_scans": 5}, quiet=False
    ) as running:
        yield running


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


def test_an_answer_over_the_cap_fails_its_frames_only(tmp_path: Path) -> None:
    """And the errors that take the frames' place have room, whatever was there before."""
    cap = 64 * 1024
    with (
        serving(tmp_path, transport={"max_message_bytes": cap}) as server,
        connected(server.address) as stub,
    ):
        raw_64x64 = as_it_is(pb.ENCODING_RAW, resize(width=64, height=64))
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
            wide = as_it_is(pb.ENCODING_RAW, resize(width=width, height=1))
            frames = [encoded(small, n) for n in range(6)]
            results = batch(stub, *frames, pipeline=wide)
            assert [r.sequence for r in results] == list(range(6))
        stream = Stream(stub, pipeline=as_it_is(pb.ENCODING_RAW, resize(width=160, height=160)))
        stream.ready()
        stream.batch(*(encoded(small, n) for n in range(3)))
        for result in stream.results(3):
            check(of_frame(result), "RESOURCE_EXHAUSTED", "RESPONSE_TOO_LARGE")
        stream.half_close()
        assert stream.rest() == []
