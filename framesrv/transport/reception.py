"""A message as it came: written into an envelope, read, and the envelope put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from framesrv.frames import copies
from framesrv.frames.source import Envelope
from framesrv.pool import RecordPool
from framesrv.protocol import wire

T = TypeVar("T")

_SLACK_BYTES: Final = 4096


class Reception:
    """Used by one thread."""

    def __init__(self, envelopes: RecordPool[Envelope], limits: wire.WireLimits) -> None:
        self.envelopes = envelopes
        self.limits = limits

    def batch(self, data: bytes, peer: str, received_at_ns: int) -> wire.BatchRequest:
        return self._read(data, peer, received_at_ns, wire.read_batch_request)

    def stream(self, data: bytes, peer: str, received_at_ns: int) -> Any:
        message = self._read(data, peer, received_at_ns, wire.read_stream_request)
        if isinstance(message, list):
            _let_go(message, len(data))
        return message

    def _read(
        self,
        data: bytes,
        peer: str,
        received_at_ns: int,
        read: Callable[[memoryview, wire.WireLimits], T],
    ) -> T:
        with self.envelopes.acquire() as lease:
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


def _let_go(frames: list[wire.WireFrame], message_bytes: int) -> None:
    """Payloads that are the least part of their message do not keep it: admission counts them only.

    No honest client sends such; what else would a message be full of?
    """
    payloads_bytes = sum(len(frame.payload or b"") for frame in frames)
    if message_bytes > 2 * payloads_bytes + _SLACK_BYTES:
        for frame in frames:
            if frame.payload is not None:
                frame.payload = memoryview(bytes(frame.payload))
                copies.WIRE.add()
