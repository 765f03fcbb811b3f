"""The buffers that a worker has borrowed for the frames before it.

Frames that are alike need the same buffers, so those stay borrowed from one frame of a task to
the next; they go home with the task at the latest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from framesrv.engine.task import Task
from framesrv.frames.canonical import CanonicalFrame
from framesrv.frames.source import SourceFrame
from framesrv.frames.work import FrameJob, FrameReport
from framesrv.pipeline.plan import FramePlan
from framesrv.pipeline.source import Buffers
from framesrv.pool import LeaseSet, PoolManager, RecordPool
from framesrv.pool.lease import ArrayLease, Lease
from framesrv.pool.leaseset import release_all
from framesrv.pool.manager import Request

RecordPools = dict[str, RecordPool[Any]]
NEVER_NS: Final = 2**63 - 1  # the deadline of what has none


class Desk:
    def __init__(self, manager: PoolManager) -> None:
        self._manager = manager
        self._plan: FramePlan | None = None
        self._leases: LeaseSet | None = None
        self._buffers: dict[str, Any] = {}

    def lay_out(self, plan: FramePlan, wait_s: float) -> Buffers:
        """The arrays and byte buffers of the plan, by place."""
        if self._plan is not plan:
            self.lend(plan.requests, wait_s)
            self._plan = plan
        return self._buffers

    def lend(self, requests: Mapping[str, Request], wait_s: float) -> Buffers:
        """These, in place of what was there."""
        self.clear()
        self._leases = self._manager.acquire_all(requests, wait_s) if requests else None
        for place, lease in self._leases.items() if self._leases else ():
            self._buffers[place] = lease.array if isinstance(lease, ArrayLease) else lease.buffer
        return self._buffers

    def lease_at(self, place: str) -> Any:
        return self._leases[place] if self._leases is not None and place else None

    def clear(self) -> None:
        """Everything goes home."""
        self._buffers.clear()  # before its lease: a buffer with another hand on it is quarantined
        leases, self._leases, self._plan = self._leases, None, None
        if leases is not None:
            leases.release()


class Records:
    """The records that a worker fills for each frame of a task."""

    __slots__ = ("_leases", "canonical", "job", "report", "source")

    job: FrameJob
    source: SourceFrame
    canonical: CanonicalFrame
    report: FrameReport

    def __init__(self, pools: RecordPools, wait_s: float) -> None:
        self._leases: list[Lease] = []
        try:
            self.job = self._borrow(pools, "frame_job", wait_s)
            self.source = self._borrow(pools, "source_frame", wait_s)
            self.canonical = self._borrow(pools, "canonical_frame", wait_s)
            self.report = self._borrow(pools, "frame_report", wait_s)
        except BaseException:
            self.release()
            raise

    def _borrow(self, pools: RecordPools, name: str, wait_s: float) -> Any:
        lease = pools[name].acquire(wait_s)
        self._leases.append(lease)
        return lease.record

    def begin(self, task: Task) -> None:
        """What holds for all frames of the task."""
        job = self.job
        job.request_id, job.stream_id, job.plan = task.request_id, task.stream_id, task.plan
        job.created_at_ns, job.deadline_ns = task.received_ns, task.deadline_ns or NEVER_NS

    def reset(self) -> None:
        """For the next frame."""
        # A debug level that marks records keeps the very list that a record came home with, and
        # a list that somebody keeps is left as it is: with views of buffers that are to go home.
        self.report.outputs.clear()
        self.source.reset()
        self.canonical.reset()
        self.report.reset()

    def release(self) -> None:
        for name in ("job", "source", "canonical", "report"):
            if hasattr(self, name):
                delattr(self, name)
        release_all(self._leases, [])
