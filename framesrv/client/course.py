"""What comes after a call of ProcessStream has ended: the end, an error, or another call."""

from __future__ import annotations

import math
from enum import Enum

from grpc import StatusCode

from framesrv.client.errors import CallFailed, ServerDraining, broken_promise
from framesrv.client.flow import Flow
from framesrv.client.retry import Retry
from framesrv.client.source import Gatherer, surely_empty
from framesrv.errors import Reason


class Next(Enum):
    END = "the stream is complete"
    AGAIN = "open another call for the frames that are left"


class Course:
    def __init__(self, source: Gatherer, retry: Retry, *, resume: bool) -> None:
        self._source = source
        self._retry = retry
        self._resume = resume
        self._fruitless = 0  # calls in a row that ended in a GoAway before any answer

    def after(self, flow: Flow, iterator: object) -> tuple[Next, float]:
        """What to do after a call that ended without an error, and the pause before it."""
        if flow.in_flight or (flow.go_away is None and not flow.half_closed):
            raise broken_promise("the server ended the stream early", self.unanswered(flow))
        if flow.go_away is None or self._empty(iterator):
            if self._source.fault is not None:
                raise self._source.fault
            return Next.END, 0.0
        error = ServerDraining(
            StatusCode.UNAVAILABLE,
            str(Reason.DRAINING),
            "the server is closing: " + (flow.go_away.reason or "no reason given"),
            "all results are yielded; open a stream elsewhere, or use resume=True",
            unanswered=self.unanswered(flow),
        )
        if not self._resume:
            raise error
        return Next.AGAIN, self._pause_s(flow, error)

    def unanswered(self, flow: Flow) -> int:
        return flow.in_flight + self._source.unsent

    def _empty(self, iterator: object) -> bool:
        """Whether all was sent. Only iterators that know their length are asked: others block."""
        return not self._source.kept and (self._source.ended or surely_empty(iterator))

    def _pause_s(self, flow: Flow, error: CallFailed) -> float:
        if flow.answered:
            self._fruitless = 0
            return 0.0
        self._fruitless += 1
        pause = self._retry.pause_s(error, self._fruitless, deadline=math.inf)
        if pause is None:
            raise error
        return pause
