"""One call of ProcessStream in the async client: a task that sends, and a timer for stalls."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from framesrv.client.calls import Settings
from framesrv.client.errors import CallFailed, cancelled
from framesrv.client.flow import Flow
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits
from framesrv.client.source import Batch, Gatherer
from framesrv.protocol.gen import frames_pb2 as pb

# What grpcio raises where a call ended under a write; it has no public name. Typed stubs do not
# know the module, and whether mypy minds depends on what else it has seen.
_InternalError: type[Exception] = importlib.import_module("grpc._cython.cygrpc").InternalError

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[bytes, pb.ProcessStreamResponse]
    AnyFrames = Iterable[FrameLike] | AsyncIterable[FrameLike]

StartStream = Callable[[], "Call"]


class AsyncSource(Gatherer):
    """The program's iterable, pulled by one call's task at a time."""

    def __init__(self, frames: AnyFrames, limits: Limits) -> None:
        super().__init__(limits)
        self.iterator = aiter(frames) if isinstance(frames, AsyncIterable) else iter(frames)
        self._lock = asyncio.Lock()

    async def gather(self, flow: Flow) -> bytes | None:
        """The next message, or None if there is none or it may not be sent any more."""
        async with self._lock:
            batch = Batch(flow.batch, self.limits)
            await self._fill(batch, flow)
            if batch.frames and flow.commit(len(batch.frames)):
                return batch.message()
            self.keep(batch.frames)
            return None

    async def _fill(self, batch: Batch, flow: Flow) -> None:
        try:
            while not (batch.full or flow.stopping):
                if self.kept:
                    frame = self.kept.popleft()
                elif self.ended:
                    return
                else:
                    frame = self.encode(await self._pull())
                if not batch.add(frame):
                    self.keep([frame])
                    return
        except (StopIteration, StopAsyncIteration):
            self.ended = True
        except Exception as fault:
            self.ended = True
            self.fault = fault

    async def _pull(self) -> FrameLike:
        if isinstance(self.iterator, AsyncIterator):
            return await anext(self.iterator)
        for frame in self.iterator:
            return frame
        raise StopAsyncIteration  # StopIteration cannot leave a coroutine


class AsyncTalk:
    def __init__(
        self,
        start: StartStream,
        opening: bytes,
        *,
        flow: Flow,
        source: AsyncSource,
        settings: Settings,
    ) -> None:
        self.flow = flow
        self._settings = settings
        self._changed = asyncio.Event()
        self._call = start()
        self._answers = aiter(self._call)
        self._call.add_done_callback(lambda _: self.stop())
        self._sender = asyncio.create_task(self._send(opening, source), name="framesrv-send")
        self._reader: asyncio.Task[pb.ProcessStreamResponse | None] | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._look_for_stall()

    async def _send(self, opening: bytes, source: AsyncSource) -> None:
        try:
            await self._call.wait_for_connection()
            await self._write(opening)
            while await self._wait_for_room():
                message = await source.gather(self.flow)
                self.flow.pulling = False
                if message is None:
                    break
                await self._write(message)
            self.flow.half_close()
            await self._call.done_writing()
        except (grpc.RpcError, asyncio.InvalidStateError, _InternalError):
            self.stop()  # the call is over; who reads it hears why
        finally:
            self.flow.pulling = False

    async def _write(self, message: bytes) -> None:
        """``call.write()``, which after a failure would put INTERNAL in place of the status.

        A write fails whenever the server ends the call at that moment, and then its own status
        says why. Nothing public of gRPC leaves it alone.
        """
        call: Any = self._call
        await call._cython_call.send_serialized_message(message)

    async def _wait_for_room(self) -> bool:
        while not (self.flow.stopping or self.flow.room()):
            self._changed.clear()
            await self._changed.wait()
        self.flow.pulling = not self.flow.stopping
        return self.flow.pulling

    async def read(self) -> pb.ProcessStreamResponse | None:
        """The next message; None at the end of the call. A cancelled wait loses nothing."""
        if self._reader is None:
            self.flow.read_begins()
            self._reader = asyncio.create_task(self._read(), name="framesrv-read")
        await asyncio.wait([self._reader])
        reader, self._reader = self._reader, None
        self.flow.read_ended()
        try:
            return reader.result()
        except asyncio.CancelledError:
            failed: CallFailed = cancelled()
        except grpc.RpcError as error:
            failed = self._settings.failed(error)
        raise self.flow.stall() if self.flow.stalled else failed

    async def _read(self) -> pb.ProcessStreamResponse | None:
        return await anext(self._answers, None)

    def take(self, message: pb.ProcessStreamResponse) -> list[pb.FrameResult]:
        results = self.flow.take(message)
        self._changed.set()
        return results

    @property
    def ended(self) -> bool:
        return self._sender.done()

    @property
    def loop_closed(self) -> bool:
        return self._loop.is_closed()

    @property
    def drained(self) -> bool:
        return self.flow.drained

    def stop(self) -> None:
        """Send nothing more."""
        self.flow.stopping = True
        self._changed.set()

    def close(self, *, keep_sender: bool = False) -> None:
        """End the call at once, wherever it is. More than once does no harm.

        ``keep_sender`` lets a pull of the program's iterable end: cancelling would destroy it.
        """
        self.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._call.cancel()
        if not keep_sender:
            self._sender.cancel()
        if self._reader is not None:
            self._reader.cancel()

    async def join(self) -> None:
        tasks = [task for task in (self._sender, self._reader) if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _look_for_stall(self) -> None:
        patience_s = self.flow.patience_s()
        self.flow.stalled = patience_s <= 0
        if self.flow.stalled:
            self._call.cancel()
        else:
            self._timer = self._loop.call_later(patience_s, self._look_for_stall)
