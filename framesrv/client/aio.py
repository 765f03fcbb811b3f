"""The client for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import grpc
import grpc.aio

from framesrv.client.aio_stream import AsyncFrameStream
from framesrv.client.aio_subscription import AsyncSubscription
from framesrv.client.calls import (
    GET_SERVER_INFO,
    PROCESS_BATCH,
    PROCESS_STREAM,
    SUBSCRIBE,
    BatchCall,
    Settings,
    read_batch,
    read_info,
    read_stream,
    read_subscribe,
)
from framesrv.client.channel import Options, StrPath, target
from framesrv.client.errors import CallFailed, ClientClosed
from framesrv.client.frames import FrameLike
from framesrv.client.interest import Interest, Merge
from framesrv.client.limits import Limits
from framesrv.client.pipelines import PipelineLike
from framesrv.client.plan import Drop, StreamPlan
from framesrv.client.results import Result
from framesrv.client.retry import Retry
from framesrv.client.tracing import Metadata, trace_metadata
from framesrv.protocol.gen import frames_pb2 as pb

if TYPE_CHECKING:
    from framesrv.client.aio_talk import AnyFrames

Answer_co = TypeVar("Answer_co", covariant=True)


class Ask(Protocol[Answer_co]):
    """A unary method of a channel."""

    def __call__(
        self, request: bytes, *, timeout: float | None = None, metadata: Metadata | None = None
    ) -> Awaitable[Answer_co]: ...


class AsyncFrameClient:
    """One connection to a framesrv, made when it is first used.

    It belongs to the event loop it was made in, whose tasks may share it; a stream belongs to
    one task. After ``os.fork()`` make a new one: gRPC's connections do not survive in the child.

    ``timeout_s`` holds for each call, retries included, and for how long a stream waits for an
    answer that is due. ``clock`` and ``sleep`` are for tests.
    """

    def __init__(
        self,
        address: str,
        *,
        tls_ca: StrPath | None = None,
        tls_cert: StrPath | None = None,
        tls_key: StrPath | None = None,
        timeout_s: float = 30.0,
        retries: int = 3,
        options: Options = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = Settings(
            target(address, tls_ca, tls_cert, tls_key, options),
            timeout_s,
            Retry(retries, clock=clock),
        )
        self._sleep = sleep
        self._closed = False
        self._limits: Limits | None = None
        self._channel = self._settings.target.aio_channel()  # connects at its first call
        self._info: Ask[pb.ServerInfo] = self._channel.unary_unary(GET_SERVER_INFO, None, read_info)
        self._batch: Ask[pb.ProcessBatchResponse] = self._channel.unary_unary(
            PROCESS_BATCH, None, read_batch
        )
        self._stream: Any = self._channel.stream_stream(PROCESS_STREAM, None, read_stream)
        self._watch: Any = self._channel.unary_stream(SUBSCRIBE, None, read_subscribe)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connection and what runs on it. More than once does no harm."""
        self._closed = True
        await self._channel.close()

    async def info(self, deadline_s: float | None = None) -> pb.ServerInfo:
        """What the server can do, its limits, and whether it is draining; asked anew each time."""
        return await self._ask_info(self._settings.deadline(deadline_s))

    async def process(
        self,
        batch: Iterable[FrameLike],
        pipeline: PipelineLike = None,
        *,
        request_id: str | None = None,
        deadline_s: float | None = None,
    ) -> list[Result]:
        """One batch in, one batch out: the n-th frame gets the n-th result.

        A frame that fails does so alone: look at ``result.ok`` or ``result.raise_for_error()``.
        """
        deadline = self._settings.deadline(deadline_s)
        call = BatchCall(batch, pipeline, request_id)
        limits = self._limits or Limits.of(await self._ask_info(deadline))
        return call.results(await self._ask(self._batch, call.request(limits), deadline))

    async def process_one(
        self,
        frame: FrameLike,
        pipeline: PipelineLike = None,
        *,
        request_id: str | None = None,
        deadline_s: float | None = None,
    ) -> Result:
        results = await self.process(
            [frame], pipeline, request_id=request_id, deadline_s=deadline_s
        )
        return results[0]

    def stream(
        self,
        frames: AnyFrames,
        pipeline: PipelineLike = None,
        *,
        stream_id: str = "",
        window: int = 16,
        batch: int = 1,
        drop: Drop = "block",
        max_age_s: float | None = None,
        publish: bool = False,
        resume: bool = False,
    ) -> AsyncFrameStream:
        """Send frames and iterate over their results, in order, each frame answered once.

        ``frames``, async or not, is pulled in another task (one that is not async must not block:
        it would hold the event loop), up to ``window`` frames ahead of the results; with
        ``drop`` "oldest" or "newest" as fast as it gives them, and the server drops what does not
        fit its window. ``batch`` frames travel in one message and are waited for.

        What ``frames`` raises is raised here after the results of what was sent before. When the
        server closes, ``ServerDraining`` is raised after the last result; with ``resume`` another
        call takes up what is left.
        """
        self._check_open()
        plan = StreamPlan(
            pipeline=pipeline,
            stream_id=stream_id,
            window=window,
            batch=batch,
            drop=drop,
            max_age_s=max_age_s,
            publish=publish,
            resume=resume,
        )
        return AsyncFrameStream(
            frames,
            plan,
            settings=self._settings,
            start=self._start_stream,
            limits=self._stream_limits,
            sleep=self._sleep,
        )

    def subscribe(
        self,
        *stream_ids: str,
        all_streams: bool = False,
        outputs: Iterable[str] = (),
        queue_frames: int | None = None,
        wait: bool = False,
        merge: Merge | None = None,
    ) -> AsyncSubscription:
        """Watch what others publish: frames, gaps between them, and publishers that come and go.

        Name the streams, or ask for ``all_streams``, also those that start later. An unknown
        stream is an error unless ``wait``. ``outputs`` are names of the publishers' outputs, and
        none of them means all. The server keeps ``queue_frames`` for a subscriber that is slow, and
        what falls out comes as a ``Gap``. With ``merge`` the streams are joined by capture time.

        It goes on until it is left. ``ServerDraining``, ``SlowConsumer`` or another error says
        why the server ended it.
        """
        self._check_open()
        interest = Interest(
            stream_ids,
            all_streams=all_streams,
            outputs=outputs,
            queue_frames=queue_frames,
            wait=wait,
            merge=merge,
        )
        return AsyncSubscription(
            interest, settings=self._settings, start=self._start_watching, sleep=self._sleep
        )

    def _start_stream(self) -> Any:
        self._check_open()
        return self._stream(metadata=trace_metadata())

    def _start_watching(self, request: bytes) -> Any:
        self._check_open()
        return self._watch(request, metadata=trace_metadata())

    async def _stream_limits(self, anew: bool) -> Limits:
        if anew or self._limits is None:
            return Limits.of(await self.info())
        return self._limits

    async def _ask_info(self, deadline: float) -> pb.ServerInfo:
        answer = await self._ask(self._info, b"", deadline)
        self._limits = Limits.of(answer)
        return answer

    async def _ask(self, method: Ask[Answer_co], request: bytes, deadline: float) -> Answer_co:
        tried = 0
        while True:
            self._check_open()
            tried += 1
            left_s = max(0.0, deadline - self._settings.clock())
            try:
                return await method(request, timeout=left_s, metadata=trace_metadata())
            except grpc.RpcError as error:
                failed: CallFailed = self._settings.failed(error, left_s)
            pause_s = self._settings.retry.pause_s(failed, tried, deadline)
            if pause_s is None:
                raise failed
            await self._sleep(pause_s)

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosed
