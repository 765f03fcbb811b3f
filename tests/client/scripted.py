"""A small server that does what a test tells it, through real gRPC on loopback."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import (
    FrameServiceServicer,
    add_FrameServiceServicer_to_server,
)
from framesrv.protocol.status import CODES, DETAILS_KEY
from framesrv.protocol.wire import rich_status

CODE = {code.value[0]: code for code in grpc.StatusCode}
Requests = Iterator[pb.ProcessStreamRequest]
Script = Callable[[Requests, Any], Iterable[pb.ProcessStreamResponse]]
Responses = Iterator[pb.ProcessStreamResponse]
Items = Iterator[pb.SubscribeResponse]
Watched = Callable[[pb.SubscribeRequest, Any], Iterable[pb.SubscribeResponse]]
JPEG = b"\xff\xd8 as it were"


def frames(number: int) -> Iterator[bytes]:
    return itertools.repeat(JPEG, number)


def sequences(got: list[Any]) -> list[int]:
    return [result.sequence for result in got]


def refuse(context: Any, reason: Reason, text: str, retry_after_s: float | None = None) -> None:
    details = ((DETAILS_KEY, rich_status(reason, text, retry_after_s)),)
    context.set_trailing_metadata(details)
    context.abort(CODE[CODES[reason]], text)


def answer(frame: pb.Frame) -> pb.FrameResult:
    """An ok result with one output: the frame's own payload."""
    encoded = frame.WhichOneof("payload") == "encoded"
    image = pb.OutputImage(
        name="same",
        encoding=pb.ENCODING_JPEG if encoded else pb.ENCODING_RAW,
        layout=frame.raw.layout,
        data=frame.encoded.data if encoded else frame.raw.data,
    )
    return pb.FrameResult(
        stream_id=frame.stream_id,
        sequence=frame.sequence,
        status=pb.FRAME_STATUS_OK,
        outputs=[image],
        captured_at_ns=frame.captured_at_ns,
        received_at_ns=7,
        trace_id=frame.trace_id,
        timings=pb.Timings(total_ns=5),
    )


def results(frames: Iterable[pb.Frame]) -> pb.ProcessStreamResponse:
    return pb.ProcessStreamResponse(results=pb.ResultBatch(results=map(answer, frames)))


def ready(window: int = 64, batch: int = 64, stream_id: str = "made") -> pb.ProcessStreamResponse:
    return pb.ProcessStreamResponse(
        ready=pb.StreamReady(
            session_id="s", stream_id=stream_id, max_in_flight_frames=window, max_batch_frames=batch
        )
    )


def go_away() -> pb.ProcessStreamResponse:
    return pb.ProcessStreamResponse(go_away=pb.GoAway(reason="new version"))


def echo(requests: Requests, context: Any) -> Iterator[pb.ProcessStreamResponse]:
    next(requests)
    yield ready()
    for request in requests:
        yield results(request.batch.frames)


def shown(sequence: int, stream_id: str = "door") -> pb.SubscribeResponse:
    """A published frame."""
    frame = pb.Frame(sequence=sequence, stream_id=stream_id, encoded=pb.EncodedImage(data=JPEG))
    return pb.SubscribeResponse(frame=answer(frame))


def missed(number: int, stream_id: str = "door") -> pb.SubscribeResponse:
    return pb.SubscribeResponse(gap=pb.Gap(stream_id=stream_id, dropped_frames=number))


def event(state: str, stream_id: str = "door") -> pb.SubscribeResponse:
    told = pb.StreamEvent(stream_id=stream_id, state=f"STATE_{state.upper()}")
    return pb.SubscribeResponse(event=told)


def closing() -> pb.SubscribeResponse:
    return pb.SubscribeResponse(go_away=go_away().go_away)


def open_until_left(context: Any) -> None:
    """Waits as a server does that has nothing to say."""
    gone = threading.Event()
    if context.add_callback(gone.set):
        assert gone.wait(30)


class Scripted(FrameServiceServicer):
    """Scripts are used up in turn; the last one stays."""

    watched: Sequence[Watched] = ()  # the scripts of Subscribe

    def __init__(self, *streams: Script, info: pb.ServerInfo | None = None) -> None:
        self.info = info or pb.ServerInfo(
            version="scripted", max_message_bytes=1 << 20, max_batch_frames=8
        )
        self.streams = list(streams or [echo])
        self.faults: list[tuple[Reason, str, float | None]] = []  # for the next calls
        self.batches: list[pb.ProcessBatchRequest] = []
        self.info_calls = 0

    def GetServerInfo(  # noqa: N802
        self, request: pb.GetServerInfoRequest, context: Any
    ) -> pb.ServerInfo:
        self.info_calls += 1
        return self.info

    def ProcessBatch(  # noqa: N802
        self, request: pb.ProcessBatchRequest, context: Any
    ) -> pb.ProcessBatchResponse:
        self.batches.append(request)
        if self.faults:
            refuse(context, *self.faults.pop(0))
        return pb.ProcessBatchResponse(
            request_id=request.request_id, results=map(answer, request.frames)
        )

    def ProcessStream(  # noqa: N802
        self, requests: Requests, context: Any
    ) -> Iterator[pb.ProcessStreamResponse]:
        script = self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]
        try:
            yield from script(requests, context)
        except grpc.RpcError:
            return  # the client has gone

    def Subscribe(  # noqa: N802
        self, request: pb.SubscribeRequest, context: Any
    ) -> Iterator[pb.SubscribeResponse]:
        script, *more = self.watched
        self.watched = more or [script]
        yield from script(request, context)


class Endless:
    """Frames until the subscriber has left, which it notes."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        number = 0
        while not self.left.is_set():
            yield shown(number)
            number += 1


class Quiet(Endless):
    """One frame, and then nothing."""

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        yield shown(0)
        assert self.left.wait(30)


class Silent(Endless):
    """It does not even say that it has taken the subscription."""

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        assert self.left.wait(30)
        yield shown(0)


def watching(*scripts: Watched) -> Scripted:
    servicer = Scripted()
    servicer.watched = scripts
    return servicer


@contextmanager
def serving(servicer: FrameServiceServicer, port: str = "127.0.0.1:0") -> Iterator[str]:
    with running(servicer, port) as (address, _):
        yield address


@contextmanager
def running(
    servicer: FrameServiceServicer, port: str = "127.0.0.1:0", credentials: Any = None
) -> Iterator[tuple[str, grpc.Server]]:
    options = (("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0))
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=options)
    add: Any = add_FrameServiceServicer_to_server  # generated without types
    add(servicer, server)
    if credentials is None:
        number = server.add_insecure_port(port)
    else:
        number = server.add_secure_port(port, credentials)
    server.start()
    try:
        yield (port if port.startswith("unix:") else f"127.0.0.1:{number}"), server
    finally:
        server.stop(None).wait()
