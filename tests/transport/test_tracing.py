"""Spans of calls, batches and stages: whose children they are, and when they were."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from framesrv.client import AsyncFrameClient, FrameClient
from framesrv.frames.work import FrameReport, Timings
from framesrv.observability.tracing.sender import Sender
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.transport.spans import BatchSpan, stages
from tests.transport.tracing_rig import (
    BATCH,
    PNG,
    SPAN,
    STAGES,
    STREAM,
    TRACE,
    Spans,
    ask,
    attributes,
    batch_of,
    frame,
    ids,
    opening,
    request,
    serving,
    spans_of,
    talk,
)


def check_stages(below: list[ReadableSpan], frames: int) -> None:
    """Each frame has its stages, one after the other, within its batch's time."""
    assert len(below) == frames * len(STAGES)
    for number in range(frames):
        own = [span for span in below if attributes(span)["framesrv.frame"] == number]
        assert [span.name for span in own] == list(STAGES)
        assert {span.kind for span in own} == {SpanKind.INTERNAL}
        times = [at for span in own for at in (span.start_time, span.end_time)]
        assert times == sorted(times, key=lambda at: at or 0)


# -- parentage ---------------------------------------------------------------------------------


def test_a_batch_is_below_its_client_s_span_and_stages_below_the_batch() -> None:
    told: list[pb.ProcessBatchResponse] = []

    async def calls(address: str) -> None:
        asked = request(frame(7), frame(8, stream_id="cam"), frame(9), request_id="mine")
        answer, trailers = await ask(address, asked)
        told.append(answer)
        assert trailers["traceparent"].startswith(f"00-{TRACE}-")
        assert trailers["traceparent"][36:52] != SPAN

    spans = spans_of(calls)
    batch = spans.only(BATCH)
    trace_id, span_id, parent_id = ids(batch)
    assert (trace_id, parent_id) == (TRACE, int(SPAN, 16))
    assert batch.kind is SpanKind.SERVER
    assert attributes(batch)["framesrv.frames"] == 3
    assert attributes(batch)["rpc.response.status_code"] == "OK"
    below = spans.below(batch)
    check_stages(below, 3)
    assert {ids(span)[::2] for span in below} == {(TRACE, span_id)}
    assert len(spans.all) == 1 + len(below)
    for number, result in enumerate(told[0].results):
        own = [span for span in below if attributes(span)["framesrv.frame"] == number]
        assert {attributes(span)["framesrv.sequence"] for span in own} == {result.sequence}
        for span in own:
            took_ns = (span.end_time or 0) - (span.start_time or 0)
            assert took_ns == getattr(result.timings, f"{span.name}_ns")


def test_each_message_of_a_stream_is_a_batch_below_the_stream() -> None:
    async def calls(address: str) -> None:
        results = await talk(
            address, opening(stream_id="cam"), batch_of(1, 2, 3), batch_of(4), batch_of(5, 6)
        )
        assert [result.sequence for result in results] == [1, 2, 3, 4, 5, 6]
        assert {result.trace_id for result in results} == {TRACE}

    spans = spans_of(calls)
    stream = spans.only(STREAM)
    assert ids(stream)[::2] == (TRACE, int(SPAN, 16))
    batches = sorted(spans.below(stream), key=lambda batch: batch.start_time or 0)
    assert [attributes(batch)["framesrv.frames"] for batch in batches] == [3, 1, 2]
    for batch in batches:
        assert (batch.name, attributes(batch)["framesrv.stream_id"]) == ("batch", "cam")
        check_stages(spans.below(batch), attributes(batch)["framesrv.frames"])
    assert len(spans.all) == 1 + 3 + 6 * len(STAGES)


def test_our_clients_pass_on_the_span_that_is_current() -> None:
    """As a program has it that uses OpenTelemetry; both clients, calls and streams."""
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("test")
    parents: list[int] = []

    async def calls(address: str) -> None:
        async with AsyncFrameClient(address) as client:
            with tracer.start_as_current_span("here") as span:
                parents.append(span.get_span_context().span_id)
                await client.process([PNG])
                assert [result.ok async for result in client.stream([PNG])] == [True]

        def in_a_thread() -> None:
            with FrameClient(address) as client, tracer.start_as_current_span("there") as span:
                parents.append(span.get_span_context().span_id)
                client.process([PNG])
                assert [result.ok for result in client.stream([PNG])] == [True]

        await asyncio.to_thread(in_a_thread)

    spans = spans_of(calls)
    for name in (BATCH, STREAM):
        assert sorted(ids(span)[2] for span in spans.named(name)) == sorted(parents)


def test_a_call_without_a_trace_begins_one() -> None:
    found: list[str] = []

    async def calls(address: str) -> None:
        answer, trailers = await ask(address, request(frame(1)), metadata=None)
        found.append(answer.results[0].trace_id)
        assert trailers["traceparent"][3:35] == found[0]

    batch = spans_of(calls).only(BATCH)
    assert batch.parent is None
    assert ids(batch)[0] == found[0]


# -- trace ids of frames -----------------------------------------------------------------------


def test_a_frame_keeps_its_own_trace_id() -> None:
    async def calls(address: str) -> None:
        asked = request(frame(1), frame(2, trace_id="its own"))
        answer, _ = await ask(address, asked)
        assert [result.trace_id for result in answer.results] == [TRACE, "its own"]
        results = await talk(address, opening(), batch_of(1, trace_id="own"), batch_of(2))
        assert [result.trace_id for result in results] == ["own", TRACE]

    spans_of(calls)


def test_what_fails_carries_it_too() -> None:
    async def calls(address: str) -> None:
        bad = pb.Frame(sequence=2, encoded=pb.EncodedImage(data=b"no picture"))
        answer, _ = await ask(address, request(frame(1), bad))
        assert [(r.status, r.trace_id) for r in answer.results] == [
            (pb.FRAME_STATUS_OK, TRACE),
            (pb.FRAME_STATUS_FAILED, TRACE),
        ]

    batch = spans_of(calls).only(BATCH)
    (event,) = batch.events
    assert event.name == "frame failed"
    assert dict(event.attributes or {}) == {
        "framesrv.frame": 1,
        "framesrv.reason": "IMAGE_CORRUPT",
    }


def test_without_tracing_frames_are_as_they_came() -> None:
    async def run() -> None:
        async with serving(None) as app:
            answer, trailers = await ask(str(app.server.addresses[0]), request(frame(1)))
            assert answer.results[0].trace_id == ""
            assert "traceparent" not in trailers

    asyncio.run(run())


def test_what_is_not_sampled_makes_no_spans_and_keeps_its_trace() -> None:
    async def calls(address: str) -> None:
        metadata = (("traceparent", f"00-{TRACE}-{SPAN}-00"),)
        answer, trailers = await ask(address, request(frame(1)), metadata)
        assert answer.results[0].trace_id == TRACE
        assert trailers["traceparent"].endswith("-00")
        results = await talk(address, opening(), batch_of(1), metadata=metadata)
        assert results[0].trace_id == TRACE

    assert spans_of(calls).all == ()


# -- when stages were --------------------------------------------------------------------------

NS = st.integers(0, 10**10)


@given(queue=NS, decode=NS, process=NS, encode=NS, waited=NS)
def test_stages_follow_each_other_and_end_with_the_frame(
    queue: int, decode: int, process: int, encode: int, waited: int
) -> None:
    total = queue + waited + decode + process + encode
    report = FrameReport(
        received_at_ns=10**18, timings=Timings(queue, decode, process, encode, total)
    )
    found = stages(report)
    took = {stage: ended - begun for stage, begun, ended in found}
    told = {"queue": queue, "decode": decode, "process": process, "encode": encode}
    assert took == {stage: ns for stage, ns in told.items() if ns}
    ends = [at - 10**18 for _, begun, ended in found for at in (begun, ended)]
    assert ends == sorted(ends)
    if decode or process or encode:
        assert ends[-1] == total


def test_a_batch_of_very_many_frames_has_few_spans() -> None:
    """A server may allow thousands of frames a message."""
    exporter = InMemorySpanExporter()
    sender = Sender(exporter)
    batch = BatchSpan(sender.tracer, sender.tracer.start_span("batch"), ends_after=5000)
    report = FrameReport(received_at_ns=1, timings=Timings(1, 1, 1, 1, 4))
    for number in range(5000):
        batch.frame_done(number, report)
    sender.stop(30)
    spans = Spans(exporter.get_finished_spans())
    assert len(spans.below(spans.only("batch"))) == 64 * len(STAGES)
