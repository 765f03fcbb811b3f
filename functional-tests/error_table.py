"""What every row of the error table (docs/protocol.md) keeps to, and a batch to ask with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stock_client import Told

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

HERE = str(Path(__file__).parent.parent)
SECRETS = ("/etc/secret", "Traceback", HERE, ".py")


def check(told: Told, code: str, reason: str, *, retries: bool = False) -> None:
    assert (told.code, told.reason, told.retries) == (code, reason, retries), told
    assert told.message
    assert not any(secret in told.message for secret in SECRETS)


def batch(stub: FrameServiceStub, *frames: pb.Frame, **fields: Any) -> list[pb.FrameResult]:
    request = pb.ProcessBatchRequest(frames=frames, **fields)
    return list(stub.ProcessBatch(request, timeout=60).results)
