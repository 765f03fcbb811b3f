"""The two messages of a stream that carry no frames."""

from __future__ import annotations

from framesrv.protocol.wire.results import duration
from framesrv.protocol.wire.varints import message_field, number_field, text_field


def stream_ready(
    session_id: str, stream_id: str, max_in_flight_frames: int, max_batch_frames: int
) -> bytes:
    """A ProcessStreamResponse that says ``ready``."""
    ready = (
        text_field(b"\x0a", session_id)
        + text_field(b"\x12", stream_id)
        + number_field(b"\x18", max_in_flight_frames)
        + number_field(b"\x20", max_batch_frames)
    )
    return message_field(b"\x0a", ready)


def go_away(reason: str, grace_s: float) -> bytes:
    """A ProcessStreamResponse that says ``go_away``."""
    grace = duration(round(grace_s * 1e9))
    return message_field(b"\x1a", text_field(b"\x0a", reason) + message_field(b"\x12", grace))
