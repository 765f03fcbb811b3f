"""A message as it came: written into an envelope, read, and the envelope put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from framesrv.frames.source import Envelope
from framesrv.pool import RecordPool
from framesrv.protocol import wire

T = TypeVar("T")


class Reception:
    """Used by one thread."""

    def __init__(self, envelopes: RecordPool[Envelope], limits: wire.WireLimits) -> None:
        self._envelopes = envelopes
        self.limits = limits

    def batch(self, data: bytes, peer: str, received_at_ns: int) -> wire.BatchRequest:
        return self._read(data, peer, received_at_ns, wire.read_batch_request)

    def stream(self, data: bytes, peer: str, received_at_ns: int) -> Any:
        return self._read(data, peer, received_at_ns, wire.read_stream_request)

    def _read(
        self,
        data: bytes,
        peer: str,
        received_at_ns: int,
        read: Callable[[memoryview, wire.WireLimits], T],
    ) -> T:
        with self._envelopes.acquire() as lease:
            envelope = lease.record
            envelope.transport = "grpc"
            envelope.connection_id = peer or "unknown"
            envelope.received_at_ns = received_at_ns
            envelope.data = memoryview(data)
            envelope.validate()
            try:
                return read(envelope.data, self.limits)
            finally:
                # The traceback of a refusal keeps this frame, and the frame would keep the
                # record from going home.
                del envelope
