"""What subscribers are told is, byte for byte, what protobuf writes; what they ask, it reads."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.frames.merged import MergedFrame
from framesrv.frames.work import FrameReport, FrameStatus
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import (
    MergeAsked,
    MosaicAsked,
    SubscribeAsked,
    first_output,
    gap,
    merged,
    read_subscribe_request,
    stream_event,
    subscriber_go_away,
    with_outputs,
    write_stream_result,
)
from framesrv.protocol.wire.fanout import REQUEST_BYTES_MAX
from tests.protocol.test_writing import images, int64, reports, texts, uint64


def frame(report: FrameReport) -> bytes:
    """As a stream's answer has it."""
    buffer = io.BytesIO()
    write_stream_result(report, buffer)
    return buffer.getvalue()


def told(data: bytes) -> pb.SubscribeResponse:
    """Nothing is in it that protobuf would not write."""
    message = pb.SubscribeResponse.FromString(data)
    assert message.SerializeToString() == data
    return message


@given(reports)
def test_a_result_of_a_stream_is_a_subscriber_s_frame(report: FrameReport) -> None:
    assert told(frame(report)).frame.sequence == report.sequence


@given(reports, st.lists(texts, max_size=3), st.data())
def test_with_some_of_its_outputs(report: FrameReport, names: list[str], data: Any) -> None:
    if report.outputs:
        names += data.draw(st.lists(st.sampled_from([one.name for one in report.outputs])))
    whole = told(frame(report))
    wanted = [one for one in whole.frame.outputs if one.name in names]
    del whole.frame.outputs[:]
    whole.frame.outputs.extend(wanted)
    found = with_outputs(frame(report), names)
    assert told(found) == whole
    first = first_output(frame(report), names) if names else None
    assert (first is not None) == bool(wanted)
    if first is not None:
        assert (first.name, int(first.encoding)) == (wanted[0].name, int(wanted[0].encoding))
        assert bytes(first.data) == wanted[0].data
        layout = wanted[0].layout
        assert (first.layout.width, first.layout.height) == (layout.width, layout.height)
        assert (first.layout.format & 0xFFFFFFFF, first.layout.row_stride_bytes) == (
            layout.format & 0xFFFFFFFF,
            layout.row_stride_bytes,
        )


@given(reports)
def test_the_first_output_of_all(report: FrameReport) -> None:
    first = first_output(frame(report), ())
    if report.outputs:
        assert first is not None
        assert bytes(first.data) == bytes(report.outputs[0].data)
    else:
        assert first is None


@given(texts, uint64)
def test_gaps(stream_id: str, frames: int) -> None:
    said = pb.Gap(stream_id=stream_id, dropped_frames=frames)
    assert told(gap(stream_id, frames)) == pb.SubscribeResponse(gap=said)


@given(texts, st.sampled_from([1, 2]))
def test_events(stream_id: str, state: Any) -> None:
    said = pb.StreamEvent(stream_id=stream_id, state=state)
    assert told(stream_event(stream_id, state)) == pb.SubscribeResponse(event=said)


def test_going_away() -> None:
    message = told(subscriber_go_away("soon", 2.5)).go_away
    assert (message.reason, message.grace.ToMilliseconds()) == ("soon", 2500)


windows = st.builds(MergedFrame, texts, int64, int64, complete=st.booleans())


@given(windows, st.lists(reports, max_size=4), st.none() | images)
def test_merged_frames(record: MergedFrame, fragments: list[FrameReport], mosaic: Any) -> None:
    found = told(merged(record, [frame(one) for one in fragments], mosaic)).merged
    assert (found.merge_id, found.complete) == (record.merge_id, record.complete)
    assert found.window_open_ns == record.window_open_ns
    assert found.window_close_ns == record.window_close_ns
    assert list(found.fragments) == [told(frame(one)).frame for one in fragments]
    assert found.HasField("mosaic") == (mosaic is not None)
    if mosaic is not None:
        assert (found.mosaic.name, found.mosaic.data) == (mosaic.name, bytes(mosaic.data))


# -- requests ----------------------------------------------------------------------------------


def test_all_that_can_be_asked() -> None:
    asked = pb.SubscribeRequest(
        stream_ids=["b", "a", "b"], output_names=["x", "x"], queue_frames=7, wait=True
    )
    asked.merge.length.FromMilliseconds(1500)
    asked.merge.lateness.FromMilliseconds(-20)
    asked.merge.mosaic.CopyFrom(pb.Mosaic(columns=1, width=2, height=3, alone=True))
    asked.merge.mosaic.MergeFromString(b"\x20\x63")  # encoding 99
    assert read_subscribe_request(asked.SerializeToString()) == SubscribeAsked(
        ("b", "a"),
        ("x",),
        7,
        MergeAsked(1_500_000_000, -20_000_000, MosaicAsked(1, 2, 3, 99, alone=True)),
        wait=True,
    )


def test_nothing_asked() -> None:
    assert read_subscribe_request(b"") == SubscribeAsked((), (), 0, None, wait=False)
    merge = pb.SubscribeRequest(merge=pb.MergeWindow()).SerializeToString()
    assert read_subscribe_request(merge).merge == MergeAsked(0, 0, None)


@given(st.binary(max_size=64))
def test_whatever_the_bytes_are_it_is_read_or_refused(data: bytes) -> None:
    try:
        read_subscribe_request(data)
        reason = None
    except Refused as refused:
        reason = refused.reason
    assert reason in (None, Reason.MALFORMED_MESSAGE)


def test_large_requests_are_not_even_read() -> None:
    largest = pb.SubscribeRequest(stream_ids=["x" * (REQUEST_BYTES_MAX - 4)]).SerializeToString()
    assert len(largest) == REQUEST_BYTES_MAX
    read_subscribe_request(largest)
    with pytest.raises(Refused, match="may have 65,536"):
        read_subscribe_request(largest + b"\0")


def test_the_report_of_a_frame_that_is_ok() -> None:
    """The one case that is ever published."""
    report = FrameReport(request_id="r", stream_id="s", sequence=3, status=FrameStatus.OK)
    message = told(frame(report)).frame
    assert (message.stream_id, message.sequence, message.status) == ("s", 3, pb.FRAME_STATUS_OK)
