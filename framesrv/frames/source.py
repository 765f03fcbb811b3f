"""What arrived: a message as it came, and a frame of it, still coded."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from framesrv.frames.base import PooledRecord
from framesrv.frames.faults import Fault, is_positive, is_text
from framesrv.frames.layout import ImageLayout


class Codec(IntEnum):
    """How a payload is encoded; the numbers are the wire's."""

    UNSPECIFIED = 0  # found from the first bytes
    JPEG = 1
    PNG = 2
    WEBP = 3


@dataclass(slots=True, eq=False)
class Envelope(PooledRecord):
    """One message."""

    transport: str = ""
    connection_id: str = ""
    received_at_ns: int = 0
    data: memoryview | None = None

    def reset(self) -> None:
        self.transport = ""
        self.connection_id = ""
        self.received_at_ns = 0
        self.data = None

    def faults(self) -> list[Fault]:
        faults = []
        if not is_text(self.connection_id):
            faults.append(Fault("connection_id", self.connection_id, "a text that is not empty"))
        # No bytes at all are a message too: every message of proto3 may be empty.
        if not isinstance(self.data, memoryview):
            faults.append(Fault("data", self.data, "a memoryview"))
        if not is_positive(self.received_at_ns):
            faults.append(Fault("received_at_ns", self.received_at_ns, "more than 0"))
        return faults


@dataclass(slots=True, eq=False)
class SourceFrame(PooledRecord):
    """One frame, still coded.

    A raw image has a ``layout``, an encoded one has none and says its ``codec``. Without a
    ``payload`` there was neither. Whether any of it is right is for the codecs to say.
    """

    stream_id: str = ""
    sequence: int = 0
    layout: ImageLayout | None = None
    codec: Codec | int = Codec.UNSPECIFIED  # a number that is not known is kept as it came
    payload: memoryview | None = None
    captured_at_ns: int = 0
    received_at_ns: int = 0
    crc32c: int | None = None  # of the payload, where the client gave it
    trace_id: str = ""

    def reset(self) -> None:
        self.stream_id = ""
        self.sequence = 0
        self.layout = None
        self.codec = Codec.UNSPECIFIED
        self.payload = None
        self.captured_at_ns = 0
        self.received_at_ns = 0
        self.crc32c = None
        self.trace_id = ""

    def faults(self) -> list[Fault]:
        if is_positive(self.received_at_ns):
            return []
        return [Fault("received_at_ns", self.received_at_ns, "more than 0")]
