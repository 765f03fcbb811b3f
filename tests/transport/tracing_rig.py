"""A server that is traced, in this process, and what it sent of its spans."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import cv2
import grpc
import numpy as np
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id

from framesrv.app import App, AppSettings
from framesrv.engine import EngineSettings
from framesrv.observability.tracing.sender import Sender
from framesrv.ops.custom import Processors
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings

PNG = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
BATCH = "framesrv.v1.FrameService/ProcessBatch"
STREAM = "framesrv.v1.FrameService/ProcessStream"
STAGES = ("queue", "decode", "process", "encode")
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = (("traceparent", f"00-{TRACE}-{SPAN}-01"),)


def frame(sequence: int, **more: Any) -> pb.Frame:
    return pb.Frame(sequence=sequence, encoded=pb.EncodedImage(data=PNG), **more)


def request(*frames: pb.Frame, **more: Any) -> pb.ProcessBatchRequest:
    return pb.ProcessBatchRequest(frames=frames, **more)


def stub_of(channel: grpc.aio.Channel) -> FrameServiceStub:
    return FrameServiceStub(channel)  # type: ignore[no-untyped-call]


async def ask(address: str, asked: pb.ProcessBatchRequest, metadata: Any = PARENT) -> Any:
    """The answer and the trailing metadata."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = stub_of(channel).ProcessBatch(asked, metadata=metadata, timeout=30)
        answer = await call
        return answer, dict(await call.trailing_metadata())


async def talk(
    address: str, *messages: pb.ProcessStreamRequest, metadata: Any = PARENT
) -> list[pb.FrameResult]:
    async with grpc.aio.insecure_channel(address) as channel:
        call = stub_of(channel).ProcessStream(iter(messages), metadata=metadata, timeout=30)
        return [result async for answer in call for result in answer.results.results]


def opening(**config: Any) -> pb.ProcessStreamRequest:
    return pb.ProcessStreamRequest(open=pb.StreamConfig(**config))


def batch_of(*numbers: int, **more: Any) -> pb.ProcessStreamRequest:
    frames = [frame(number, **more) for number in numbers]
    return pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames))


def ids(span: ReadableSpan) -> tuple[str, int, int]:
    own = span.get_span_context()
    assert own is not None
    return format_trace_id(own.trace_id), own.span_id, span.parent.span_id if span.parent else 0


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


class Spans:
    def __init__(self, finished: tuple[ReadableSpan, ...]) -> None:
        self.all = finished

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def below(self, parent: ReadableSpan) -> list[ReadableSpan]:
        own = parent.get_span_context()
        assert own is not None
        return [
            span
            for span in self.all
            if span.parent is not None and span.parent.span_id == own.span_id
        ]


@asynccontextmanager
async def serving(
    sender: Sender | None, processors: Processors | None = None
) -> AsyncIterator[App]:
    settings = AppSettings(
        engine=EngineSettings(workers=2),
        transport=TransportSettings(listen=(Address("127.0.0.1", 0),)),
    )
    app = App(settings, processors or Processors(), sender)
    app.engine.start()
    await app.server.start()
    try:
        yield app
        assert await app.server.drain()
    finally:
        await app.server.stop()
        await asyncio.to_thread(app.engine.stop)
    assert app.manager.shutdown() == []


def spans_of(calls: Callable[[str], Awaitable[None]]) -> Spans:
    """All that a server made of these calls, which are given its address."""
    exporter = InMemorySpanExporter()
    sender = Sender(exporter)

    async def run() -> None:
        async with serving(sender) as app:
            await asyncio.wait_for(calls(str(app.server.addresses[0])), 60)

    try:
        asyncio.run(run())
    finally:
        sender.stop(30)
    return Spans(exporter.get_finished_spans())


def served_with(exporter: SpanExporter, calls: Callable[[str], Awaitable[None]]) -> Sender:
    """As above, with an exporter that may be broken; the sender is still to be stopped."""
    sender = Sender(exporter)

    async def run() -> None:
        async with serving(sender) as app:
            await asyncio.wait_for(calls(str(app.server.addresses[0])), 60)

    asyncio.run(run())
    return sender
