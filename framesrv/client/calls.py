"""What the sync and the async client have in common: the calls, short of making them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from framesrv.client.channel import Target
from framesrv.client.encode import batch_request, encode_frame
from framesrv.client.errors import CallFailed, broken_promise
from framesrv.client.failure import call_failed
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits, frames_of
from framesrv.client.pipelines import PipelineLike, plan_fields
from framesrv.client.results import Result, result_of
from framesrv.client.retry import Retry
from framesrv.protocol.gen import frames_pb2 as pb

_SERVICE = "/framesrv.v1.FrameService/"
GET_SERVER_INFO = _SERVICE + "GetServerInfo"
PROCESS_BATCH = _SERVICE + "ProcessBatch"
PROCESS_STREAM = _SERVICE + "ProcessStream"
SUBSCRIBE = _SERVICE + "Subscribe"

# Requests are handed to gRPC as bytes, see encode; these read the answers.
read_info = pb.ServerInfo.FromString
read_batch = pb.ProcessBatchResponse.FromString
read_stream = pb.ProcessStreamResponse.FromString
read_subscribe = pb.SubscribeResponse.FromString


@dataclass(frozen=True)
class Settings:
    target: Target
    timeout_s: float
    retry: Retry

    def __post_init__(self) -> None:
        check_seconds("timeout_s", self.timeout_s)

    @property
    def clock(self) -> Callable[[], float]:
        return self.retry.clock

    def deadline(self, seconds: float | None) -> float:
        if seconds is not None:
            check_seconds("deadline_s", seconds)
        return self.clock() + (self.timeout_s if seconds is None else seconds)

    def failed(self, error: object, waited_s: float | None = None) -> CallFailed:
        return call_failed(self.target.address, error, waited_s)


def check_seconds(what: str, seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"{what} must be above 0, not {seconds!r}")


class BatchCall:
    """One ``ProcessBatch``: checked and encoded once, however often it is tried."""

    def __init__(
        self, batch: Iterable[FrameLike], pipeline: PipelineLike, request_id: str | None
    ) -> None:
        frames = frames_of(batch)
        spec, name = plan_fields(pipeline)
        self._head = pb.ProcessBatchRequest(
            request_id=request_id or "", pipeline=spec, pipeline_name=name
        )
        self._frames = [encode_frame(frame, place) for place, frame in enumerate(frames)]
        self._asked = len(frames)

    def request(self, limits: Limits) -> bytes:
        limits.check(self._frames, self._head.ByteSize())
        body = batch_request(self._head, self._frames)
        self._frames = []  # the pixels are in the body now
        return body

    def results(self, answer: pb.ProcessBatchResponse) -> list[Result]:
        if len(answer.results) != self._asked:
            raise broken_promise(
                f"{len(answer.results)} results came for {self._asked} frames",
            )
        return [result_of(each) for each in answer.results]
