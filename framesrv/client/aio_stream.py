"""The async iterator that a program gets from ``AsyncFrameClient.stream``."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from framesrv.client.aio_talk import AsyncSource, AsyncTalk, StartStream
from framesrv.client.calls import Settings
from framesrv.client.course import Course, Next
from framesrv.client.errors import CallFailed, broken_promise
from framesrv.client.flow import Flow
from framesrv.client.limits import Limits
from framesrv.client.plan import StreamPlan
from framesrv.client.results import Result, result_of

if TYPE_CHECKING:
    from framesrv.client.aio_talk import AnyFrames


class AsyncFrameStream(AsyncIterator[Result]):
    """Results in the order of the frames. For one task; leave it by ``async with`` or ``aclose()``.

    Nothing is sent before the first ``anext()``. A cancelled ``anext()`` loses no result.
    """

    def __init__(
        self,
        frames: AnyFrames,
        plan: StreamPlan,
        *,
        settings: Settings,
        start: StartStream,
        limits: Callable[[bool], Awaitable[Limits]],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._results: deque[Result] = deque()
        self._talk: AsyncTalk | None = None
        self._left: list[AsyncTalk] = []  # ended, but perhaps still inside the iterable
        self._over = False
        self._plan = plan
        self._settings = settings
        self._start = start
        self._limits = limits
        self._sleep = sleep
        self._source = AsyncSource(frames, Limits())
        self._course = Course(self._source, settings.retry, resume=plan.resume)
        self.stream_id = plan.stream_id  # the server's own choice after the first result
        self._calls = 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Result:
        while not self._results:
            if self._over:
                raise StopAsyncIteration
            try:
                await self._advance()
            except Exception:
                await self.aclose()
                raise
        return self._results.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        for talk in self._talks() if hasattr(self, "_left") else ():
            if not talk.loop_closed:
                talk.close()

    async def aclose(self) -> None:
        """End the call at once; frames without a result are given up."""
        self._over = True
        talks = self._talks()
        self._talk = None
        self._left.clear()
        for talk in talks:
            talk.close()
            await talk.join()

    def _talks(self) -> list[AsyncTalk]:
        return [*self._left, *([self._talk] if self._talk else [])]

    async def _advance(self) -> None:
        """Read one message, or open a call, or end one."""
        talk = self._talk or await self._open()
        message = None
        if not talk.drained:
            try:
                message = await talk.read()
            except CallFailed as error:
                if self._over:  # closed by another task
                    return
                error.unanswered = self._course.unanswered(talk.flow)
                raise error from self._source.fault
        if message is not None:
            self._results.extend(map(result_of, talk.take(message)))
            return
        await self._end(talk)

    async def _end(self, talk: AsyncTalk) -> None:
        talk.close(keep_sender=True)
        self._talk = None
        self._left = [left for left in (*self._left, talk) if not left.ended]
        step, pause_s = self._course.after(talk.flow, self._source.iterator)
        self._over = step is Next.END
        if pause_s:
            await self._sleep(pause_s)

    async def _open(self) -> AsyncTalk:
        """A call that the server is ready for. No frame is taken before, so it can be retried."""
        deadline = self._settings.deadline(None)
        self._source.limits = await self._limits(self._calls > 0)
        self._calls += 1
        tried = 0
        while True:
            tried += 1
            flow = Flow(self._plan, self._settings.clock, self._settings.timeout_s)
            opening = self._plan.open().SerializeToString()
            talk = AsyncTalk(
                self._start, opening, flow=flow, source=self._source, settings=self._settings
            )
            try:
                await self._await_ready(talk)
            except CallFailed as error:
                talk.close()
                await talk.join()
                pause_s = self._settings.retry.pause_s(error, tried, deadline)
                if self._over or pause_s is None:
                    error.unanswered = self._source.unsent
                    raise
            except BaseException:
                talk.close()
                raise
            else:
                self._talk = talk
                return talk
            await self._sleep(pause_s)

    async def _await_ready(self, talk: AsyncTalk) -> None:
        while talk.flow.ready is None:
            message = await talk.read()
            if message is None:
                raise broken_promise("the server ended the stream before it was ready")
            talk.take(message)
        self.stream_id = talk.flow.ready.stream_id or self.stream_id
