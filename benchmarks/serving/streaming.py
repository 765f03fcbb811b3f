"""The messages of a ProcessStream call, as bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from framesrv.protocol.gen import frames_pb2 as pb


def opening() -> bytes:
    return pb.ProcessStreamRequest(open=pb.StreamConfig()).SerializeToString()


def batch(frames: Sequence[Any]) -> bytes:
    return pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)).SerializeToString()
