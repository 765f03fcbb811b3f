"""What a message says, once read."""

from __future__ import annotations

from dataclasses import dataclass, field

from framesrv.frames.layout import ImageLayout
from framesrv.frames.source import Codec, SourceFrame
from framesrv.pipeline.spec import PipelineSpec


@dataclass(frozen=True, slots=True)
class WireLimits:
    max_batch_frames: int = field(
        default=64,
        metadata={"help": "of one message", "least": 1, "most": 10_000},
    )
    max_outputs: int = 16
    max_ops: int = 32  # of one output
    max_fields: int = field(
        default=50_000,
        metadata={
            "help": "of one message, those of the messages in it included",
            "least": 1000,
            "most": 10_000_000,
        },
    )
    # Of one message, all texts over 127 bytes together: Python may need four times their bytes.
    max_text_bytes: int = field(
        default=1 << 20,
        metadata={
            "help": "of one message, all long texts together",
            "least": 1024,
            "most": 1 << 30,
        },
    )


@dataclass(slots=True, eq=False)
class WireFrame:
    """One frame as it came. Its payload is a view of the message, which lives as long."""

    stream_id: str = ""
    sequence: int = 0
    captured_at_ns: int = 0
    layout: ImageLayout | None = None  # set: the payload is a raw image
    codec: Codec | int = Codec.UNSPECIFIED
    payload: memoryview | None = None  # None: the message had none
    crc32c: int | None = None
    trace_id: str = ""

    def into(self, record: SourceFrame) -> None:
        """Fill a pooled record with everything but the time of arrival."""
        record.stream_id = self.stream_id
        record.sequence = self.sequence
        record.captured_at_ns = self.captured_at_ns
        record.layout = self.layout
        record.codec = self.codec
        record.payload = self.payload
        record.crc32c = self.crc32c
        record.trace_id = self.trace_id


@dataclass(slots=True, eq=False)
class BatchRequest:
    request_id: str
    plan: PipelineSpec | str | None  # as asked, by name, or the server's default
    frames: list[WireFrame]


@dataclass(slots=True, eq=False)
class StreamOpen:
    stream_id: str
    plan: PipelineSpec | str | None
    drop_policy: int  # a number that is not known is kept as it came
    max_in_flight_frames: int
    max_age_ns: int | None
    publish: bool
