"""One frame's work: what is to be done, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from framesrv.errors import Reason
from framesrv.frames.base import ALONE, PooledRecord, references
from framesrv.frames.faults import Fault, is_positive, is_text
from framesrv.frames.layout import ImageLayout


class FrameStatus(IntEnum):
    """The numbers are the wire's."""

    UNSPECIFIED = 0
    OK = 1
    FAILED = 2  # error says why
    DROPPED = 3  # never processed, by policy or by age; error says which


class Encoding(IntEnum):
    """How an output is encoded; the numbers are the wire's."""

    UNSPECIFIED = 0  # JPEG
    JPEG = 1
    PNG = 2
    WEBP = 3
    RAW = 4


@dataclass(slots=True, eq=False)
class FrameJob(PooledRecord):
    """One frame to be processed. Both times are of one clock, or their order says nothing."""

    request_id: str = ""
    stream_id: str = ""
    plan: Any = None  # of the pipeline, which this room lies below and cannot name
    created_at_ns: int = 0
    deadline_ns: int = 0
    trace_id: str = ""

    def reset(self) -> None:
        self.request_id = ""
        self.stream_id = ""
        self.plan = None
        self.created_at_ns = 0
        self.deadline_ns = 0
        self.trace_id = ""

    def faults(self) -> list[Fault]:
        faults = []
        if not is_text(self.request_id):
            faults.append(Fault("request_id", self.request_id, "a text that is not empty"))
        if not is_positive(self.created_at_ns):
            faults.append(Fault("created_at_ns", self.created_at_ns, "more than 0"))
        if not isinstance(self.deadline_ns, int):
            faults.append(Fault("deadline_ns", self.deadline_ns, "a whole number"))
        elif isinstance(self.created_at_ns, int) and self.deadline_ns <= self.created_at_ns:
            faults.append(Fault("deadline_ns", self.deadline_ns, "after created_at_ns"))
        return faults


@dataclass(slots=True)
class Timings:
    """Where a frame's time went. Part of its report, and equal by value."""

    queue_ns: int = 0
    decode_ns: int = 0
    process_ns: int = 0
    encode_ns: int = 0
    total_ns: int = 0  # from the message's arrival to the result

    def reset(self) -> None:
        self.queue_ns = 0
        self.decode_ns = 0
        self.process_ns = 0
        self.encode_ns = 0
        self.total_ns = 0


@dataclass(frozen=True, slots=True)
class FrameError:
    """Why a frame failed or was dropped. Rare, so it is made when needed and never pooled."""

    reason: Reason  # the status code follows from it
    message: str  # for people: what was wrong and what to do
    retry_after_ns: int | None = None  # set where a retry can help


@dataclass(frozen=True, slots=True, eq=False)
class OutputImage:
    """One output as it will be written to the answer.

    ``data`` is a view of what the encoder wrote into a lease; whoever holds that lease keeps
    it until the answer is written.
    """

    name: str
    encoding: Encoding
    layout: ImageLayout  # of the pixels, also where they are encoded
    data: memoryview


@dataclass(slots=True, eq=False)
class FrameReport(PooledRecord):
    """What came of one frame."""

    request_id: str = ""
    stream_id: str = ""
    sequence: int = 0
    status: FrameStatus = FrameStatus.UNSPECIFIED
    error: FrameError | None = None
    captured_at_ns: int = 0
    received_at_ns: int = 0
    trace_id: str = ""
    timings: Timings = field(default_factory=Timings)
    outputs: list[OutputImage] = field(default_factory=list)

    def reset(self) -> None:
        self.request_id = ""
        self.stream_id = ""
        self.sequence = 0
        self.status = FrameStatus.UNSPECIFIED
        self.error = None
        self.captured_at_ns = 0
        self.received_at_ns = 0
        self.trace_id = ""
        if references(self.timings) == ALONE:
            self.timings.reset()
        else:
            self.timings = Timings()
        if references(self.outputs) == ALONE:
            self.outputs.clear()
        else:
            self.outputs = []

    def faults(self) -> list[Fault]:
        faults = []
        if not is_text(self.request_id):
            faults.append(Fault("request_id", self.request_id, "a text that is not empty"))
        if not isinstance(self.status, FrameStatus) or self.status is FrameStatus.UNSPECIFIED:
            faults.append(Fault("status", self.status, "FrameStatus.OK, FAILED or DROPPED"))
        return faults
