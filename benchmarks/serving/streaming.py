"""The messages of a ProcessStream call, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framesrv.protocol.gen import frames_pb2 as pb


def opening(publish: str = "") -> bytes:
    """Of a stream that others may subscribe to, if it gets a name."""
    config = pb.StreamConfig(stream_id=publish, publish=bool(publish))
    return pb.ProcessStreamRequest(open=config).SerializeToString()


def batch(frames: Sequence[Any]) -> bytes:
    return pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)).SerializeToString()
