"""The two messages of a stream that carry no frames. They are rare, so protobuf writes them."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from framesrv.protocol.gen import frames_pb2 as pb


def stream_ready(
    session_id: str, stream_id: str, max_in_flight_frames: int, max_batch_frames: int
) -> bytes:
    """A ProcessStreamResponse that says ``ready``."""
    ready = pb.StreamReady(
        session_id=session_id,
        stream_id=stream_id,
        max_in_flight_frames=max_in_flight_frames,
        max_batch_frames=max_batch_frames,
    )
    return pb.ProcessStreamResponse(ready=ready).SerializeToString()


def go_away(reason: str, grace_s: float) -> bytes:
    """A ProcessStreamResponse that says ``go_away``."""
    grace = Duration()
    grace.FromNanoseconds(round(grace_s * 1e9))
    return pb.ProcessStreamResponse(
        go_away=pb.GoAway(reason=reason, grace=grace)
    ).SerializeToString()
