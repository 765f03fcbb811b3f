"""Where spans are made and sent from. Imported only where tracing is on: it needs an extra.

What cannot be sent is dropped and told in the log: no frame fails or waits because of it.
"""

from __future__ import annotations

import os
from importlib.metadata import version
from threading import Thread
from typing import Final

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Tracer

from framesrv.errors import BadConfig

_LET_GO_S: Final = 1.0  # for a call to end that was broken off


class Sender:
    """Spans wait in a queue that is bounded, and a thread of its own sends them."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        # Not at exit: how long that may take is decided in ``stop``.
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer: Tracer = self._provider.get_tracer("framesrv", version("framesrv"))

    def stop(self, within_s: float) -> None:
        """Send what is left, in so many seconds; then what is under way is broken off."""
        # The provider's own shutdown waits for 30 seconds.
        ending = Thread(target=self._provider.shutdown, name="framesrv-spans", daemon=True)
        ending.start()
        ending.join(within_s)
        if ending.is_alive():
            self._exporter.shutdown()
            ending.join(_LET_GO_S)


def sender() -> Sender | None:
    """As OTEL_* variables say; None if they say that nothing is to be sent."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    try:
        return Sender(OTLPSpanExporter())
    except (ValueError, RuntimeError, OSError) as error:
        raise BadConfig(f"tracing cannot start with these OTEL_* variables: {error}") from None


def _resource() -> Resource:
    named = os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    )
    name = {} if named else {"service.name": "framesrv"}
    return Resource.create({"service.version": version("framesrv"), **name})
