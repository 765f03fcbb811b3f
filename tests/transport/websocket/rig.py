"""A server's calls on one event loop, sockets on another, and a socket that does as it is told."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import cv2
import numpy as np

from framesrv.app import App, AppSettings
from framesrv.engine import EngineSettings
from framesrv.ops.custom import Processors
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings
from framesrv.transport.websocket.calls import WebSocketCalls
from tests.transport.websocket.loops import PATIENCE_S, LoopThread, loop_thread

PNG: Final = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
FRAMES: Final = [pb.Frame(sequence=n, encoded=pb.EncodedImage(data=PNG)) for n in range(3)]
OPEN: Final = pb.ProcessStreamRequest(open=pb.StreamConfig()).SerializeToString()
BATCH: Final = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=FRAMES)).SerializeToString()
END: Final = ""

Strike = Callable[[], Any]


class Socket:
    """Gives what its client sends, takes down what it is sent, and strikes at one of its steps.

    A step is a message asked for, one given, or a close. It never hurries: each takes a turn of
    the loop, so that a strike finds the others in the middle of something.
    """

    def __init__(self, *messages: bytes | str, strike_at: int = 0, strike: Strike | None = None):
        self.peer = "192.0.2.1:1234"
        self.headers: Mapping[str, str] = {}
        self._messages = deque(messages)
        self._strike_at = strike_at
        self._strike = strike
        self.steps = 0
        self.asked = 0  # for messages
        self.sent: list[bytes | str] = []
        self.closed: tuple[int, str] | None = None
        self.gone = asyncio.Event()
        self.takes = asyncio.Event()  # what it is sent
        self.takes.set()

    async def receive(self) -> bytes | str:
        self.asked += 1
        await self._step()
        if not self._messages:
            await self.gone.wait()
            raise ConnectionResetError
        return self._messages.popleft()

    async def send(self, message: bytes | str) -> None:
        await self._step()
        await self.takes.wait()
        if self.gone.is_set():
            raise ConnectionResetError
        self.sent.append(message)

    async def close(self, code: int, reason: str) -> None:
        await self._step()
        self.closed = (code, reason)
        self.gone.set()

    def die(self) -> None:
        """The client is gone; whoever waits for it is told."""
        self.gone.set()
        self.takes.set()

    async def _step(self) -> None:
        await asyncio.sleep(0)
        self.steps += 1
        if self.steps == self._strike_at and self._strike is not None:
            self._strike()
        if self.gone.is_set():
            raise ConnectionResetError
        await asyncio.sleep(0)

    @property
    def statuses(self) -> list[int]:
        """Of the frames that were answered."""
        return [
            result.status
            for message in self.sent
            if isinstance(message, bytes)
            for result in pb.ProcessStreamResponse.FromString(message).results.results
        ]


class Rig:
    def __init__(self, app: App, calls: WebSocketCalls, http: LoopThread) -> None:
        self.app = app
        self.calls = calls
        self.http = http

    async def serve(
        self, make: Callable[[], Socket], *, takes_one: bool = False, settles: bool = True
    ) -> Socket:
        """A socket's whole life, on the other loop; the task that serves it may be cancelled."""

        async def life() -> Socket:
            socket = make()
            task = asyncio.ensure_future(self.calls.serve(socket, takes_one=takes_one))
            await asyncio.wait([task])
            return socket

        socket = await self.http.on(life())
        if settles:
            await self.settled()
        return socket

    async def settled(self) -> None:
        """Nothing is left of any call, on either side; every frame that came was counted once."""
        app = self.app
        async with asyncio.timeout(PATIENCE_S):
            while self.calls.open or app.engine.admission.frames or _leased(app):
                await asyncio.sleep(0.001)
            while await self.http.on(others()):
                await asyncio.sleep(0.001)
            while any(map(_is_of_the_server, asyncio.all_tasks())):
                await asyncio.sleep(0.001)
        assert app.office.streams.open == 0
        assert not app.server.service.streams
        await asyncio.wait_for(app.server.service.quiet(), PATIENCE_S)


async def others() -> int:
    return len(asyncio.all_tasks()) - 1


def _is_of_the_server(task: asyncio.Task[Any]) -> bool:
    code: Any = getattr(task.get_coro(), "cr_code", None)
    return code is not None and f"{os.sep}framesrv{os.sep}transport" in code.co_filename


def _leased(app: App) -> int:
    return sum(stats.leased for stats in app.manager.stats().values())


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    settings = AppSettings(
        engine=EngineSettings(workers=2),
        transport=TransportSettings(listen=(Address("127.0.0.1", 0),)),
    )
    app = App(settings, Processors())
    calls = WebSocketCalls(app.server.service)
    app.engine.start()
    calls.start()
    with loop_thread() as http:
        try:
            yield Rig(app, calls, http)
        finally:
            await calls.stop()
            await asyncio.to_thread(app.engine.stop)
            assert app.manager.shutdown() == []


def on_a_rig(call: Callable[[Rig], Awaitable[None]]) -> None:
    async def run() -> None:
        async with rig() as found:
            await call(found)

    asyncio.run(run())
