"""Whether spans can be sent, and under which name."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from framesrv.errors import BadConfig
from framesrv.observability.tracing.sender import Sender, sender
from framesrv.observability.tracing.settings import TracingSettings


def test_what_is_off_has_no_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    assert TracingSettings().faults() == []
    (fault,) = TracingSettings(enabled=True).faults()
    assert "OTEL_EXPORTER_OTLP_PROTOCOL is 'http/protobuf'" in fault
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc")
    assert TracingSettings(enabled=True).faults() == []


def test_the_sdk_can_be_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    assert sender() is None


def test_variables_that_cannot_work_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    with pytest.raises(BadConfig, match="max_queue_size"):
        sender()


@pytest.mark.parametrize(
    ("name", "value", "service"),
    [
        ("OTEL_TRACES_SAMPLER", "always_on", "framesrv"),
        ("OTEL_SERVICE_NAME", "mine", "mine"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=mine,a=b", "mine"),
    ],
)
def test_the_service_s_name(
    name: str, value: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    exporter = InMemorySpanExporter()
    sending = Sender(exporter)
    sending.tracer.start_span("x").end()
    sending.stop(30)
    (span,) = exporter.get_finished_spans()
    assert span.resource.attributes["service.name"] == service
    assert span.resource.attributes["service.version"]
