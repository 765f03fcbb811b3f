"""The iterator that a program gets from ``FrameClient.stream``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from framesrv.client.calls import Settings
from framesrv.client.course import Course, Next
from framesrv.client.errors import CallFailed, broken_promise
from framesrv.client.flow import Flow
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits
from framesrv.client.plan import StreamPlan
from framesrv.client.results import Result, result_of
from framesrv.client.talk import Source, StreamCall, Talk


class FrameStream(Iterator[Result]):
    """Results in the order of the frames. For one thread; leave it by ``with`` or ``close()``.

    Nothing is sent before the first ``next()``.
    """

    def __init__(
        self,
        frames: Iterable[FrameLike],
        plan: StreamPlan,
        *,
        settings: Settings,
        start: StreamCall,
        limits: Callable[[bool], Limits],
        sleep: Callable[[float], None],
    ) -> None:
        self._results: deque[Result] = deque()
        self._talk: Talk | None = None
        self._over = False
        self._plan = plan
        self._settings = settings
        self._start = start
        self._limits = limits
        self._sleep = sleep
        self._source = Source(frames, Limits())
        self._course = Course(self._source, settings.retry, resume=plan.resume)
        self.stream_id = plan.stream_id  # the server's own choice after the first result
        self._calls = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Result:
        while not self._results:
            if self._over:
                raise StopIteration
            try:
                self._advance()
            except BaseException:
                self.close()
                raise
        return self._results.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        talk: Talk | None = getattr(self, "_talk", None)
        if talk is not None:
            talk.close()

    def close(self) -> None:
        """End the call at once; frames without a result are given up."""
        self._over = True
        talk, self._talk = self._talk, None
        if talk is not None:
            talk.close()
            talk.join()

    def _advance(self) -> None:
        """Read one message, or open a call, or end one."""
        talk = self._talk or self._open()
        message = None
        if not talk.drained:
            try:
                message = talk.read()
            except CallFailed as error:
                if self._over:  # closed by another thread
                    return
                error.unanswered = self._course.unanswered(talk.flow)
                raise error from self._source.fault
        if message is not None:
            self._results.extend(map(result_of, talk.take(message)))
            return
        talk.close()
        talk.join()
        self._talk = None
        step, pause_s = self._course.after(talk.flow, self._source.iterator)
        self._over = step is Next.END
        if pause_s:
            self._sleep(pause_s)

    def _open(self) -> Talk:
        """A call that the server is ready for. No frame is taken before, so it can be retried."""
        deadline = self._settings.deadline(None)
        self._source.limits = self._limits(self._calls > 0)
        self._calls += 1
        tried = 0
        while True:
            tried += 1
            flow = Flow(self._plan, self._settings.clock, self._settings.timeout_s)
            opening = self._plan.open().SerializeToString()
            talk = self._talk = Talk(
                self._start, opening, flow=flow, source=self._source, settings=self._settings
            )
            try:
                self._await_ready(talk)
                return talk
            except CallFailed as error:
                talk.close()
                talk.join()
                pause_s = self._settings.retry.pause_s(error, tried, deadline)
                if self._over or pause_s is None:
                    error.unanswered = self._source.unsent
                    raise
            self._sleep(pause_s)

    def _await_ready(self, talk: Talk) -> None:
        while talk.flow.ready is None:
            message = talk.read()
            if message is None:
                raise broken_promise("the server ended the stream before it was ready")
            talk.take(message)
        self.stream_id = talk.flow.ready.stream_id or self.stream_id
