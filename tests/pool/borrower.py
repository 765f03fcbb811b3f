"""Who asks in the state machine: a request, as the model knows it, and the task that makes it."""

from __future__ import annotations

import asyncio
from typing import Any

from framesrv.pool import PoolClosed, PoolExhausted
from tests.pool.model import Request

OUTCOMES = {PoolExhausted: "exhausted", PoolClosed: "closed", asyncio.CancelledError: "cancelled"}


class Borrower:
    """One request and the task that makes it."""

    def __init__(self, request: Request, task: asyncio.Task[Any], pattern: int) -> None:
        self.request = request
        self.task = task
        self.pattern = pattern
        self.filled = False

    def outcome(self) -> str:
        if not self.task.done():
            return "waiting"
        if self.task.cancelled():
            return "cancelled"
        error = self.task.exception()
        return (
            "held"
            if error is None
            else next(outcome for kind, outcome in OUTCOMES.items() if isinstance(error, kind))
        )

    def buffers(self) -> list[Any]:
        """What each place lends now, as bytes."""
        leases = self.task.result()
        return [
            lease.array.reshape(-1) if hasattr(lease, "array") else lease.buffer
            for _, lease in leases.items()
        ]
