"""Spans of a real server, as a collector gets them over OTLP; and a server without one."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as collector_pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as collector_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import TracerProvider
from pictures import JPEG
from server_process import WAIT_S, refused, running_server

from framesrv.client import FrameClient

STAGES = {"queue", "decode", "process", "encode"}
SERVICE = "framesrv.v1.FrameService"


class Collector(collector_grpc.TraceServiceServicer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resource: dict[str, str] = {}
        self._news = threading.Condition()

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's own name
        with self._news:
            for group in request.resource_spans:
                for attribute in group.resource.attributes:
                    self.resource[attribute.key] = attribute.value.string_value
                for scope in group.scope_spans:
                    self.spans += scope.spans
            self._news.notify_all()
        return collector_pb.ExportTraceServiceResponse()

    def waited_for(self, holds: Callable[[list[Span]], object]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: holds(self.spans), WAIT_S), self.spans

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def below(self, parent: Span) -> list[Span]:
        return [span for span in self.spans if span.parent_span_id == parent.span_id]


@contextlib.contextmanager
def collecting() -> Iterator[tuple[Collector, dict[str, str]]]:
    """A collector, and what a server must be told to find it."""
    collector = Collector()
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        collector_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call]
            collector, server
        )
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield collector, to(port)
        finally:
            server.stop(None).wait(WAIT_S)


def to(port: int) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }


def test_from_a_client_s_span_to_the_stages_of_its_frames() -> None:
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("a program")
    with (
        collecting() as (collector, environ),
        running_server("--tracing", "--http", "off", environ=environ) as server,
        FrameClient(server.grpc_address) as client,
    ):
        with tracer.start_as_current_span("a program's own") as span:
            own = span.get_span_context()
            results = client.process([JPEG] * 3, request_id="r-1")
            streamed = list(client.stream([JPEG] * 4, stream_id="cam", batch=2))
        trace_id = f"{own.trace_id:032x}"
        assert {result.trace_id for result in [*results, *streamed]} == {trace_id}
        collector.waited_for(lambda spans: len(spans) >= 1 + 3 * 4 + 1 + 2 + 4 * 4)
        (batch,) = collector.named(f"{SERVICE}/ProcessBatch")
        (stream,) = collector.named(f"{SERVICE}/ProcessStream")
        for call in (batch, stream):
            assert call.parent_span_id == own.span_id.to_bytes(8, "big")
        assert {span.trace_id.hex() for span in collector.spans} == {trace_id}
        messages = collector.below(stream)
        assert [message.name for message in messages] == ["batch", "batch"]
        for parent, frames in ((batch, 3), (messages[0], 2), (messages[1], 2)):
            stages = collector.below(parent)
            assert len(stages) == 4 * frames
            assert {stage.name for stage in stages} == STAGES
            for stage in stages:
                assert not collector.below(stage)
                assert stage.start_time_unix_nano <= stage.end_time_unix_nano
        assert collector.resource["service.name"] == "framesrv"


def test_what_is_left_is_sent_at_the_end() -> None:
    with collecting() as (collector, environ):
        environ["OTEL_BSP_SCHEDULE_DELAY"] = "3600000"
        with running_server("--tracing", "--http", "off", environ=environ) as server:
            with FrameClient(server.grpc_address) as client:
                client.process([JPEG])
            assert server.terminate() == 0
        assert len(collector.spans) == 1 + 4


def test_the_service_has_the_name_that_it_is_given() -> None:
    with collecting() as (collector, environ):
        environ["OTEL_SERVICE_NAME"] = "thumbnails"
        with running_server("--tracing", "--http", "off", environ=environ) as server:
            with FrameClient(server.grpc_address) as client:
                client.process([JPEG])
            assert server.terminate() == 0
        assert collector.resource["service.name"] == "thumbnails"


def test_a_collector_that_is_not_there_costs_no_frame_and_no_end() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and never answers
        environ = to(silent.getsockname()[1])
        with running_server("--tracing", "--http", "off", environ=environ) as server:
            with FrameClient(server.grpc_address) as client:
                for _ in range(50):
                    assert all(result.ok for result in client.process([JPEG] * 4))
            assert server.terminate() == 0
            assert "Traceback" not in server.stderr
            assert server.logged("stopped")


def test_without_the_extra_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").touch()  # hides the one that is installed
    hidden = {"PYTHONPATH": str(tmp_path)}
    code, out, err = refused("--tracing", environ=hidden)
    assert (code, out) == (2, "")
    assert "framesrv[otel]" in err
    assert "Traceback" not in err
    with running_server(environ=hidden) as server, FrameClient(server.grpc_address) as client:
        assert client.process([JPEG])[0].ok


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "grpc only"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "tracing cannot start"),
    ],
)
def test_variables_that_cannot_work_are_refused(name: str, value: str, said: str) -> None:
    code, _, err = refused("--tracing", environ={name: value})
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_who_does_not_trace_loads_nothing_of_it() -> None:
    code = (
        "import sys, framesrv.app, framesrv.client.sync, framesrv.client.aio, framesrv.cli.running;"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
