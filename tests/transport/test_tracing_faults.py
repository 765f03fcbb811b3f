"""Spans of what fails, and that they make nothing fail."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from framesrv.observability.tracing.sender import Sender
from framesrv.ops.custom import Processors
from framesrv.protocol.gen import frames_pb2 as pb
from tests.transport.tracing_rig import (
    BATCH,
    PARENT,
    SPAN,
    STREAM,
    TRACE,
    Spans,
    ask,
    attributes,
    batch_of,
    frame,
    opening,
    request,
    served_with,
    serving,
    spans_of,
    stub_of,
    talk,
)

# -- calls that fail ---------------------------------------------------------------------------


def test_a_refused_call_has_its_reason_and_gives_its_trace_back() -> None:
    async def calls(address: str) -> None:
        for asked in (
            lambda: ask(address, request(frame(1), pipeline_name="unknown")),
            lambda: talk(address, opening(pipeline_name="unknown")),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await asked()
            trailers = dict(refused.value.trailing_metadata())
            assert str(trailers["traceparent"]).startswith(f"00-{TRACE}-")
            assert "grpc-status-details-bin" in trailers

    spans = spans_of(calls)
    for name in (BATCH, STREAM):
        found = attributes(spans.only(name))
        assert found["error.type"] == "UNKNOWN_PIPELINE"
        assert found["rpc.response.status_code"] == "NOT_FOUND"
        # Its client's fault.
        assert spans.only(name).status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("policy", [pb.DROP_POLICY_OLDEST, pb.DROP_POLICY_NEWEST])
def test_every_message_s_span_ends_whatever_becomes_of_its_frames(policy: int) -> None:
    counts: list[tuple[int, int]] = []

    async def calls(address: str) -> None:
        messages = [batch_of(*range(n, n + 8)) for n in range(0, 160, 8)]
        results = await talk(
            address, opening(drop_policy=policy, max_in_flight_frames=2), *messages
        )
        dropped = sum(r.status == pb.FRAME_STATUS_DROPPED for r in results)
        counts.append((len(results), dropped))

    spans = spans_of(calls)
    ((answered, dropped),) = counts
    assert answered == 160
    assert dropped
    batches = spans.below(spans.only(STREAM))
    assert len(batches) == 20
    told = [event for batch in batches for event in batch.events]
    assert len(told) == dropped


@pytest.mark.parametrize("streams", [False, True])
def test_a_client_that_goes_away_leaves_no_span_open(streams: bool) -> None:
    entered, leave = threading.Semaphore(0), threading.Event()

    def wait(src: Any, dst: Any, options: Any) -> None:
        entered.release()
        leave.wait(60)

    processors = Processors()
    processors.install("wait", wait)
    pipeline = pb.Pipeline(
        outputs=[pb.Output(name="x", ops=[pb.Op(custom=pb.Custom(processor="wait"))])]
    )

    exporter = InMemorySpanExporter()
    sender = Sender(exporter)

    async def run() -> None:
        async with (
            serving(sender, processors) as app,
            grpc.aio.insecure_channel(str(app.server.addresses[0])) as channel,
        ):
            stub: Any = stub_of(channel)
            if streams:
                call = stub.ProcessStream(iter([opening(pipeline=pipeline), batch_of(*range(6))]))
                await call.read()
            else:
                call = stub.ProcessBatch(request(*map(frame, range(6)), pipeline=pipeline))
            for _ in range(2):  # the workers
                await asyncio.to_thread(entered.acquire, timeout=60)
            call.cancel()
            await app.server.service.quiet()  # the server knows
            leave.set()

    asyncio.run(asyncio.wait_for(run(), 60))
    sender.stop(30)
    spans = Spans(exporter.get_finished_spans())
    call = spans.only(STREAM if streams else BATCH)
    assert attributes(call)["rpc.response.status_code"] == "CANCELLED"
    batch = spans.only("batch") if streams else call
    assert {attributes(span)["framesrv.frame"] for span in spans.below(batch)} == set(range(6))


# -- hostile and broken ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "00-" + "0" * 32 + f"-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        "0" * 4000,
    ],
)
def test_a_bad_traceparent_is_none(value: str) -> None:
    async def calls(address: str) -> None:
        metadata = (("traceparent", value), ("tracestate", "=,;" * 400))
        answer, _ = await ask(address, request(frame(1)), metadata)
        assert answer.results[0].status == pb.FRAME_STATUS_OK

    assert spans_of(calls).only(BATCH).parent is None


def test_the_tracestate_is_passed_on() -> None:
    async def calls(address: str) -> None:
        await ask(address, request(frame(1)), (*PARENT, ("tracestate", "vendor=1,other=2")))

    for span in spans_of(calls).all:
        own = span.get_span_context()
        assert own is not None
        assert own.trace_state.to_header() == "vendor=1,other=2"


def test_numbers_that_no_span_can_hold_are_brought_down() -> None:
    async def calls(address: str) -> None:
        await ask(address, request(frame(2**64 - 1)))

    spans = spans_of(calls)
    found = {attributes(span)["framesrv.sequence"] for span in spans.below(spans.only(BATCH))}
    assert found == {2**63 - 1}


class Broken(SpanExporter):
    """Raises at each export, or never comes back until it is shut down."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs = hangs
        self._over = threading.Event()
        self.asked = threading.Event()

    def export(self, spans: Any) -> SpanExportResult:
        self.asked.set()
        if not self._hangs:
            raise RuntimeError("broken")
        self._over.wait(60)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._over.set()


@pytest.mark.parametrize("hangs", [False, True])
def test_a_broken_exporter_costs_no_frame(
    hangs: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")
    exporter = Broken(hangs=hangs)

    async def calls(address: str) -> None:
        for _ in range(30):
            answer, _ = await ask(address, request(*map(frame, range(10))))
            assert all(result.status == pb.FRAME_STATUS_OK for result in answer.results)

    sender = served_with(exporter, calls)
    assert exporter.asked.wait(30)
    stopped = threading.Thread(target=sender.stop, args=(0.05,))
    stopped.start()
    stopped.join(20)  # the SDK's own patience is 30 s
    assert not stopped.is_alive()


class FailsAtTheEnd(SpanProcessor):
    def on_end(self, span: ReadableSpan) -> None:
        if span.name == "batch":
            raise RuntimeError("broken")


def test_a_span_that_cannot_be_ended_costs_no_frame() -> None:
    async def calls(address: str) -> None:
        results = await talk(address, opening(), *(batch_of(n, n + 1) for n in range(0, 20, 2)))
        assert [result.sequence for result in results] == list(range(20))
        assert all(result.status == pb.FRAME_STATUS_OK for result in results)

    sender = Sender(InMemorySpanExporter())
    sender._provider.add_span_processor(FailsAtTheEnd())

    async def run() -> None:
        async with serving(sender) as app:
            await asyncio.wait_for(calls(str(app.server.addresses[0])), 60)
            assert app.engine.meter().frames == {("ok", ""): 20}

    asyncio.run(run())
    sender.stop(30)
