"""grpc.health.v1: says at any moment what the server's readiness says, and keeps no state of it.

Written anew, since the ready-made servicer keeps a copy of the state, which it changes only when
every watcher has read the one before: a client that watches and does not read would stop it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framesrv.transport.answers import call_later

_States = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """``is_ready`` is asked for every answer; ``changed`` is told when it may say something new."""

    def __init__(self, services: Sequence[str], is_ready: Callable[[], bool]) -> None:
        self._services = services
        self._is_ready = is_ready
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change = asyncio.Event()  # a new one after each

    def start(self) -> None:
        """On the loop that the calls run on."""
        self._loop = asyncio.get_running_loop()

    def changed(self) -> None:
        """From any thread: whoever watches is told in the loop's next turn."""
        if self._loop is not None:
            call_later(self._loop, self._wake)

    def _wake(self) -> None:
        change, self._change = self._change, asyncio.Event()
        change.set()

    def _state(self, service: str) -> Any:
        if service not in self._services:
            return _States.SERVICE_UNKNOWN
        return _States.SERVING if self._is_ready() else _States.NOT_SERVING

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        state = self._state(request.service)
        if state == _States.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no service of this name is served here")
        return _States(status=state)

    async def List(self, _: Any, __: Any) -> Any:  # noqa: N802
        return health_pb2.HealthListResponse(
            statuses={name: _States(status=self._state(name)) for name in self._services}
        )

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802
        """Never ends by itself. What changes and changes back unread is not told."""
        told = None
        while True:
            change, state = self._change, self._state(request.service)
            if state != told:
                told = state
                await context.write(_States(status=state))
            else:
                await change.wait()
