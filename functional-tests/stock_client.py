"""A stock gRPC client: its calls, its streams, and errors as it sees them."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import grpc
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from props import PATIENCE_S

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


def channel(address: str, *options: tuple[str, Any]) -> grpc.Channel:
    """One of its own connection: stock channels to the same address share theirs."""
    return grpc.insecure_channel(address, options=[*_OPTIONS, *options])


@contextlib.contextmanager
def connected(address: str) -> Iterator[FrameServiceStub]:
    with channel(address) as line:
        yield stub_of(line)


def stub_of(line: grpc.Channel) -> FrameServiceStub:
    return FrameServiceStub(line)  # type: ignore[no-untyped-call]


def bytes_call(line: grpc.Channel, method: str) -> Callable[..., Any]:
    """A unary call of bytes as they are."""
    call: Callable[..., Any] = line.unary_unary(f"/framesrv.v1.FrameService/{method}")
    return call


def bytes_stream(line: grpc.Channel) -> Callable[..., Any]:
    call: Callable[..., Any] = line.stream_stream("/framesrv.v1.FrameService/ProcessStream")
    return call


# -- errors ------------------------------------------------------------------------------------


class Told(NamedTuple):
    """An error as a client sees it."""

    code: str
    reason: str
    message: str
    retries: bool


def of_call(error: grpc.RpcError) -> Told:
    reason, retries = "", False
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key != "grpc-status-details-bin":
            continue
        status = Status.FromString(value)
        assert status.code == error.code().value[0]
        assert status.message == error.details()
        for detail in status.details:
            info, retry = ErrorInfo(), RetryInfo()
            if detail.Unpack(info):
                assert info.domain == "framesrv"
                reason = info.reason
            elif detail.Unpack(retry):
                retries = retry.retry_delay.ToNanoseconds() > 0
    return Told(error.code().name, reason, error.details() or "", retries)


_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def of_frame(result: pb.FrameResult) -> Told:
    error = result.error
    retries = error.HasField("retry_after") and error.retry_after.ToNanoseconds() > 0
    return Told(_CODE_NAMES[error.code], error.reason, error.message, retries)


def refusal(call: Callable[[], Any]) -> Told:
    """The error with which the call ends."""
    try:
        call()
    except grpc.RpcError as error:
        return of_call(error)
    raise AssertionError("the call was not refused")


# -- streams -----------------------------------------------------------------------------------


class Stream:
    """A ProcessStream call of a stock client."""

    def __init__(self, stub: FrameServiceStub, **config: Any) -> None:
        self._requests: queue.SimpleQueue[pb.ProcessStreamRequest | None] = queue.SimpleQueue()
        self.call = stub.ProcessStream(iter(self._requests.get, None), timeout=PATIENCE_S)
        if config.pop("opened", True):
            self.open(**config)

    def open(self, **config: Any) -> None:
        self.send(pb.ProcessStreamRequest(open=pb.StreamConfig(**config)))

    def send(self, message: pb.ProcessStreamRequest) -> None:
        self._requests.put(message)

    def batch(self, *frames: pb.Frame) -> None:
        self.send(pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)))

    def half_close(self) -> None:
        self._requests.put(None)

    def read(self) -> pb.ProcessStreamResponse:
        message: pb.ProcessStreamResponse = next(self.call)
        return message

    def ready(self) -> pb.StreamReady:
        message = self.read()
        assert message.WhichOneof("message") == "ready"
        return message.ready

    def results(self, count: int) -> list[pb.FrameResult]:
        """So many results, and no more may have come with them."""
        found: list[pb.FrameResult] = []
        while len(found) < count:
            message = self.read()
            assert message.WhichOneof("message") == "results", message
            found += message.results.results
        assert len(found) == count
        return found

    def rest(self) -> list[pb.ProcessStreamResponse]:
        """All messages until the call ends with OK."""
        return list(self.call)


def results_of(messages: Sequence[pb.ProcessStreamResponse]) -> list[pb.FrameResult]:
    return [result for message in messages for result in message.results.results]
