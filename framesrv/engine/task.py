"""A piece of work: some frames of one call, done one after the other by one worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from framesrv.errors import Reason
from framesrv.frames.source import SourceFrame
from framesrv.frames.work import FrameReport
from framesrv.pipeline.plan import Plan


class Incoming(Protocol):
    """A frame as the wire has it."""

    def into(self, record: SourceFrame) -> None:
        """Fill a pooled record."""
        ...

    @property
    def payload(self) -> memoryview | None: ...


class Answer(Protocol):
    """Where the reports of a task go. Called by the worker, frame by frame."""

    def add(self, report: FrameReport) -> None:
        """Take down what is to be sent; the report and its buffers are used again after this."""
        ...

    def finish(self) -> None:
        """Every frame of the task has been added."""
        ...


class Task:
    """Times are of the monotonic clock but for ``received_at_ns``, which clients are told."""

    __slots__ = (
        "answer",
        "begun",
        "deadline_ns",
        "done",
        "drop",
        "expires_ns",
        "frames",
        "nbytes",
        "patient",
        "plan",
        "received_at_ns",
        "received_ns",
        "request_id",
        "stream_id",
        "work_s",
    )

    def __init__(
        self,
        plan: Plan,
        frames: Sequence[Incoming],
        answer: Answer,
        done: Callable[[], None],
        *,
        request_id: str,
        received_ns: int,
        received_at_ns: int,
        stream_id: str = "",
        deadline_ns: int = 0,
        expires_ns: int = 0,
        patient: bool = False,
    ) -> None:
        self.plan = plan
        self.frames = frames
        self.answer = answer
        self.done = done  # called once, by the worker, when the answer is finished
        self.request_id = request_id
        self.stream_id = stream_id
        self.received_ns = received_ns
        self.received_at_ns = received_at_ns
        self.deadline_ns = deadline_ns  # 0: none; a frame not done by then has failed
        self.expires_ns = expires_ns  # 0: none; a frame not begun by then is too old
        self.nbytes = sum(len(frame.payload or b"") for frame in frames)
        self.patient = patient  # it can wait outside for as long as it takes, and in order
        self.work_s = 0.0  # what a worker is expected to need for it; the engine's estimate
        self.begun = False
        self.drop: Reason | None = None  # set by anybody: what is not begun yet will not be


class Engine(Protocol):
    """Threads of this process, or a cluster: the streams do not know which."""

    def submit(self, tasks: Sequence[Task]) -> None:
        """Take on all of the tasks, or raise Refused (QUEUE_FULL, DRAINING) and take none."""
        ...

    def when_room(self, call: Callable[[], None]) -> None:
        """Call once, from any thread, when work has been finished."""
        ...

    @property
    def workers(self) -> int: ...
