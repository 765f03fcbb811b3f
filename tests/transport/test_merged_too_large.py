"""A window that is larger than a message may be: its news arrive, without what does not fit."""

from __future__ import annotations

import io
from typing import Any

import pytest

from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.merged import MergedFrame
from framesrv.frames.work import Encoding, FrameReport, FrameStatus, OutputImage
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pool import RecordPool
from framesrv.protocol import wire
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.streams.news import Clone
from framesrv.streams.windows import Window
from framesrv.transport.merging import _Writer, merge_faults
from framesrv.transport.settings import TransportSettings

MOST = 16 * 1024
STREAMS = ("a", "b", "c")


class Plans:
    limits = PipelineLimits()


class Office:
    settings = TransportSettings(max_message_bytes=MOST)
    plans = Plans()
    merged_frames = RecordPool("merged_frame", MergedFrame, capacity=1)


def image(nbytes: int) -> OutputImage:
    layout = ImageLayout(8, 8, PixelFormat.BGR24, 0)
    return OutputImage("out", Encoding.PNG, layout, memoryview(bytes(nbytes)))


def clone(stream_id: str, pixels: int, trace: int) -> Clone:
    report = FrameReport(stream_id=stream_id, sequence=7, status=FrameStatus.OK)
    report.trace_id = "t" * trace
    report.captured_at_ns, report.received_at_ns = 5, 6
    report.outputs.append(image(pixels))
    buffer = io.BytesIO()
    wire.write_stream_result(report, buffer)
    return Clone(stream_id, buffer.getvalue(), 5, 6)


def merged(pixels: int, trace: int, picture: int) -> pb.MergedFrame:
    office: Any = Office()
    asked = wire.SubscribeAsked(STREAMS, (), 0, None, wait=False)
    window = Window(0, 10, 10, {one: clone(one, pixels, trace) for one in STREAMS})
    message = _Writer("m", office, asked, alone=False)(window, True, image(picture))
    assert len(message) <= MOST
    return pb.SubscribeResponse.FromString(message).merged


@pytest.mark.parametrize("pixels", [10, 6000])
@pytest.mark.parametrize("trace", [10, 6000])
@pytest.mark.parametrize("picture", [10, 12_000, 20_000])
def test_whatever_is_too_large_the_news_arrive(pixels: int, trace: int, picture: int) -> None:
    found = merged(pixels, trace, picture)
    assert [one.stream_id for one in found.fragments] == list(STREAMS)
    assert {(one.sequence, one.status, one.captured_at_ns) for one in found.fragments} == {
        (7, 1, 5)
    }
    assert (found.window_close_ns, found.complete) == (10, True)
    assert found.HasField("mosaic") == (picture < MOST)
    if pixels + trace + picture < 100:
        assert all(one.outputs and one.trace_id for one in found.fragments)


def test_a_raw_mosaic_that_no_message_could_hold_is_refused_at_once() -> None:
    office: Any = Office()
    for side, faults in ((64, 0), (128, 1)):
        mosaic = wire.MosaicAsked(0, side, side, Encoding.RAW, alone=False)
        merge = wire.MergeAsked(1_000_000, 0, mosaic)
        asked = wire.SubscribeAsked(STREAMS, (), 0, merge, wait=False)
        assert len(merge_faults(office, asked, merge)) == faults
