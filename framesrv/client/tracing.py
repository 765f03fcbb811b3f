"""The trace that a call belongs to, for its server: where the program itself uses OpenTelemetry."""

from __future__ import annotations

import sys

Metadata = tuple[tuple[str, str], ...]


def trace_metadata() -> Metadata | None:
    """``traceparent`` and ``tracestate`` of the span that is current here; None without one."""
    # A program that never imported it has no span. So it is neither needed nor loaded.
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    sent: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(sent)
    return tuple(sent.items()) or None
