"""Whether spans are made, and whether they could be sent."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Final

_NEEDED: Final = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


@dataclass(frozen=True, slots=True)
class TracingSettings:
    enabled: bool = field(
        default=False,
        metadata={
            "help": "spans by OpenTelemetry, sent by OTLP over gRPC as OTEL_* variables say; needs "
            "framesrv[otel]"
        },
    )

    def faults(self) -> list[str]:
        if not self.enabled:
            return []
        if not _is_there(_NEEDED):
            missing = (
                "--tracing needs OpenTelemetry, which is not installed: pip install "
                "'framesrv[otel]', or leave tracing off"
            )
            return [missing]
        name = next((name for name in _PROTOCOLS if os.environ.get(name)), "")
        if name and os.environ[name] != "grpc":
            other = (
                f"{name} is {os.environ[name][:80]!r} and --tracing speaks grpc only: leave it "
                "unset, and let the endpoint be one for gRPC (often port 4317)"
            )
            return [other]
        return []


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it lies in
        return False
