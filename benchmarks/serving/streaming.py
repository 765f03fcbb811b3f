"""The messages of a ProcessStream call, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framesrv.protocol.gen import frames_pb2 as pb


def opening(publish: str = "") -> bytes:
    """With a name: of a stream that others may subscribe to, whose frames stay as large as they
    are. What is watched then is the fan-out and not the resizing."""
    config = pb.StreamConfig(stream_id=publish, publish=bool(publish))
    if publish:
        config.pipeline.outputs.add(name="same")
    return pb.ProcessStreamRequest(open=config).SerializeToString()


def batch(frames: Sequence[Any]) -> bytes:
    return pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)).SerializeToString()
