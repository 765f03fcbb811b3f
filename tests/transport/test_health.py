"""gRPC health is the server's readiness: they cannot disagree, and nobody can hold them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framesrv.app import App, AppSettings, running
from framesrv.engine import EngineSettings
from framesrv.ops.custom import Processors
from framesrv.transport.address import Address
from framesrv.transport.health import Health
from framesrv.transport.settings import TransportSettings

States = health_pb2.HealthCheckResponse
SERVING, NOT_SERVING = States.SERVING, States.NOT_SERVING
SERVICES = ("", "framesrv.v1.FrameService")
TURNS = 5  # of the loop: from the change to the watcher, however the loop sorts its calls


def asked(service: str = "") -> Any:
    return health_pb2.HealthCheckRequest(service=service)


class Context:
    """A watcher's call: takes down what it is sent, or never reads it."""

    def __init__(self, *, reads: bool = True) -> None:
        self.sent: list[Any] = []
        self._reads = reads

    async def write(self, message: Any) -> None:
        self.sent.append(message.status)
        if not self._reads:
            await asyncio.Event().wait()


@asynccontextmanager
async def serving() -> AsyncIterator[App]:
    here = TransportSettings(listen=(Address("127.0.0.1", 0),))
    async with running(AppSettings(engine=EngineSettings(workers=1), transport=here)) as app:
        yield app


def on_a_server(call: Callable[[App], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving() as app:
            await asyncio.wait_for(call(app), 60)

    asyncio.run(run())


async def turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def test_it_is_asked_for_every_answer() -> None:
    async def run() -> None:
        ready = False
        health = Health(SERVICES, lambda: ready)
        for ready in (False, True, False):
            state = SERVING if ready else NOT_SERVING
            for service in SERVICES:
                assert (await health.Check(asked(service), None)).status == state
            found = (await health.List(None, None)).statuses
            assert {name: one.status for name, one in found.items()} == dict.fromkeys(
                SERVICES, state
            )

    asyncio.run(run())


def test_a_watcher_is_told_in_the_next_turns_of_the_loop_whoever_changed_it() -> None:
    async def call(app: App) -> None:
        context = Context()
        watch = asyncio.ensure_future(app.server.health.Watch(asked(), context))
        await turns()
        app.readiness.not_ready("maintenance")
        await turns()
        assert context.sent == [SERVING, NOT_SERVING]
        other = threading.Thread(target=app.readiness.ready)
        other.start()
        other.join(60)  # the loop's thread waits here, so only what is due comes in its next turns
        await turns()
        assert context.sent == [SERVING, NOT_SERVING, SERVING]
        app.readiness.ready()
        await turns()
        assert context.sent == [SERVING, NOT_SERVING, SERVING], "nothing has changed"
        watch.cancel()

    on_a_server(call)


def test_who_watches_and_does_not_read_holds_nobody() -> None:
    async def call(app: App) -> None:
        deaf, other = Context(reads=False), Context()
        watches = [
            asyncio.ensure_future(app.server.health.Watch(asked(), context))
            for context in (deaf, other)
        ]
        await turns()
        app.readiness.not_ready("maintenance")
        await turns()
        assert deaf.sent == [SERVING]
        assert other.sent == [SERVING, NOT_SERVING]
        assert (await app.server.health.Check(asked(), None)).status == NOT_SERVING
        for watch in watches:
            watch.cancel()

    on_a_server(call)


def test_a_stock_client_sees_every_state_of_a_server() -> None:
    async def run() -> list[Any]:
        seen = []
        async with serving() as app, grpc.aio.insecure_channel(str(app.server.addresses[0])) as to:
            stub = health_pb2_grpc.HealthStub(to)
            watch = stub.Watch(asked(SERVICES[1]), timeout=60)
            seen.append((await watch.read()).status)
            app.readiness.not_ready("maintenance")
            seen.append((await stub.Check(asked(), timeout=60)).status)
            seen.append((await watch.read()).status)
            app.readiness.ready()
            seen.append((await watch.read()).status)
            odd = stub.Watch(asked("no.such.Service"), timeout=60)
            seen.append((await odd.read()).status)
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stub.Check(asked("no.such.Service"), timeout=60)
            seen.append(refusal.value.code())
            seen.append(sorted((await stub.List(asked(), timeout=60)).statuses))
        return seen

    assert asyncio.run(run()) == [
        SERVING,
        NOT_SERVING,
        NOT_SERVING,
        SERVING,
        States.SERVICE_UNKNOWN,
        grpc.StatusCode.NOT_FOUND,
        sorted(SERVICES),
    ]


def test_before_the_start_and_after_the_end_it_does_not_serve() -> None:
    async def run() -> list[Any]:
        here = TransportSettings(listen=(Address("127.0.0.1", 0),))
        app = App(AppSettings(transport=here), Processors())
        app.readiness.ready()
        app.readiness.not_ready("starting")  # before there is a loop to tell
        seen = [await app.server.health.Check(asked(), None)]
        app.manager.shutdown()
        async with serving() as app:
            seen.append(await app.server.health.Check(asked(), None))
        seen.append(await app.server.health.Check(asked(), None))
        return [one.status for one in seen]

    assert asyncio.run(run()) == [NOT_SERVING, SERVING, NOT_SERVING]
