"""The same calls with spans around them. Everything is added by wrapping: what is not traced has
no part in it. Needs OpenTelemetry: imported if tracing is on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from typing import Any, Final

import grpc
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from framesrv import codecs
from framesrv.engine.failure import ID_MAX
from framesrv.engine.task import Engine, Task
from framesrv.errors import Refused
from framesrv.protocol import wire
from framesrv.protocol.status import DETAILS_KEY, read_rich_status
from framesrv.streams.order import Entry
from framesrv.transport.batch import process_batch
from framesrv.transport.errors import TRACEPARENT
from framesrv.transport.office import Office
from framesrv.transport.reception import Reception
from framesrv.transport.service import SERVICE, Service
from framesrv.transport.spans import (
    BatchSpan,
    TracedFrame,
    follow,
    trace_id_of,
    traced,
    traceparent_of,
)
from framesrv.transport.stream import StreamCall, process_stream

_W3C: Final = TraceContextTextMapPropagator()
_HEADERS: Final = frozenset(_W3C.fields)
# Those that OpenTelemetry counts as faults of a server; the others are its clients'.
_FAULTS: Final = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class TracedService(Service):
    def __init__(self, office: Office, limits: codecs.Limits, tracer: Tracer) -> None:
        super().__init__(office, limits)
        self._tracer = tracer

    async def _batch(self, data: bytes, context: Any) -> bytes:
        self._enter(context)
        with self._call("ProcessBatch", context) as call:
            office = copy(self.office)
            batch = BatchSpan(self._tracer, call.span)
            office.reception = _TracedReception(office.reception, batch)
            office.engine = _TracedEngine(office.engine)
            return await process_batch(office, data, call)

    async def _stream(self, _: Any, context: Any) -> None:
        self._enter(context)
        with self._call("ProcessStream", context) as call:
            kind = partial(_TracedStreamCall, tracer=self._tracer)
            await process_stream(self.office, self.streams, call, kind)

    @contextmanager
    def _call(self, method: str, context: Any) -> Iterator[_TracedContext]:
        span = self._tracer.start_span(
            f"{SERVICE}/{method}",
            _parent(context),
            SpanKind.SERVER,
            {
                "rpc.system.name": "grpc",
                "rpc.method": f"{SERVICE}/{method}",
                "network.peer.address": context.peer() or "unknown",
            },
        )
        context.set_trailing_metadata(((TRACEPARENT, traceparent_of(span)),))
        call = _TracedContext(context, span)
        try:
            yield call
            call.ended(grpc.StatusCode.OK)
        except asyncio.CancelledError:
            call.ended(grpc.StatusCode.CANCELLED)
            raise
        finally:
            span.end()


class _TracedContext:
    """The call's own context; its end is noted in the span."""

    def __init__(self, context: Any, span: Span) -> None:
        self._context = context
        self.span = span
        self.trace_id = trace_id_of(span)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def ended(self, code: grpc.StatusCode) -> None:
        self.span.set_attribute("rpc.response.status_code", code.name)

    async def abort(
        self, code: grpc.StatusCode, text: str, trailing_metadata: tuple[tuple[str, Any], ...]
    ) -> None:
        self.ended(code)
        for name, value in trailing_metadata:
            if name == DETAILS_KEY:
                self.span.set_attribute("error.type", read_rich_status(value).reason)
        if code in _FAULTS:
            self.span.set_status(Status(StatusCode.ERROR, text))
        own = (TRACEPARENT, traceparent_of(self.span))
        await self._context.abort(code, text, trailing_metadata=(*trailing_metadata, own))


def _parent(context: Any) -> Context:
    sent = {
        name: value
        for name, value in context.invocation_metadata() or ()
        if name in _HEADERS and isinstance(value, str)
    }
    return _W3C.extract(sent, Context())


class _TracedReception(Reception):
    """Of one call: its frames know its span."""

    def __init__(self, reception: Reception, batch: BatchSpan) -> None:
        super().__init__(reception.envelopes, reception.limits)
        self._batch = batch

    def batch(self, data: bytes, peer: str, received_at_ns: int) -> wire.BatchRequest:
        request = super().batch(data, peer, received_at_ns)
        request.frames = traced(request.frames, self._batch)
        self._batch.span.set_attribute("framesrv.frames", len(request.frames))
        return request


class _TracedEngine:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def submit(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            follow(task)
        self._engine.submit(tasks)

    def when_room(self, call: Callable[[], None]) -> None:
        self._engine.when_room(call)

    @property
    def workers(self) -> int:
        return self._engine.workers


class _TracedStreamCall(StreamCall):
    """Each message is a batch, with a span below the stream's."""

    def __init__(self, office: Office, context: _TracedContext, tracer: Tracer) -> None:
        super().__init__(office, context)
        self._tracer = tracer
        self._span = context.span

    def _message(self, data: bytes, received_at_ns: int) -> Any:
        message = super()._message(data, received_at_ns)
        if not isinstance(message, list) or not message or self.session is None:
            return message
        span = self._tracer.start_span(
            "batch",
            set_span_in_context(self._span, Context()),
            start_time=received_at_ns,
            attributes={
                "framesrv.frames": len(message),
                "framesrv.stream_id": self.stream_id[:ID_MAX],
            },
        )
        return traced(message, BatchSpan(self._tracer, span, ends_after=len(message)))

    def task(self, entry: Entry, received_ns: int, received_at_ns: int) -> Task:
        task = super().task(entry, received_ns, received_at_ns)
        follow(task)
        return task

    def refusal(self, entry: Entry, refused: Refused, received_at_ns: int) -> list[bytes]:
        for frame in entry.frames:
            if isinstance(frame, TracedFrame) and frame.batch is not None:
                frame.batch.note("frame refused", frame.number, str(refused.reason))
                frame.batch.counted(1)
        return super().refusal(entry, refused, received_at_ns)
