"""What one subscriber may cost: streams that it is behind in, names that are looked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framesrv.errors import Reason, Refused
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import SubscribeAsked
from framesrv.streams import Dispatcher, FanOutSettings
from framesrv.streams.news import Event, State
from framesrv.transport.patrol import Patrol
from framesrv.transport.subscribe import SubscribeCall
from framesrv.transport.wanted import OUTPUTS_MAX, watching

PATIENCE_S = 10.0


class Office:
    fan_out = FanOutSettings()


class Endless:
    """Always has more to take, and at some time too much."""

    is_idle = False
    takes = 0

    @property
    def has_too_much(self) -> bool:
        return self.takes >= 3

    def take(self) -> list[Event]:
        self.takes += 1
        assert self.takes < 100
        return [Event("door", State.STARTED)]


class Context:
    async def write(self, message: bytes) -> None:
        await asyncio.sleep(0)


def test_one_that_always_has_news_is_ended_when_it_has_too_much() -> None:
    async def main() -> None:
        office: Any = Office()
        watched: Any = Endless()
        await SubscribeCall(office, Context())._serve(watched)

    with pytest.raises(Refused) as caught:
        asyncio.run(main())
    assert caught.value.reason is Reason.SLOW_CONSUMER


def test_more_output_names_than_are_looked_for() -> None:
    names = tuple(f"out-{number}" for number in range(OUTPUTS_MAX + 1))
    office: Any = Office()
    with pytest.raises(Refused) as caught:
        watching(office, SubscribeAsked(("door",), names, 0, None, wait=True), lambda: None)
    assert caught.value.reason is Reason.BAD_CONFIG
    assert f"{OUTPUTS_MAX + 1} outputs" in caught.value.message


class Blocked:
    """A connection that takes nothing any more, not even that the call has begun."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()

    def peer(self) -> str:
        return ""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    async def send_initial_metadata(self, _: object) -> None:
        self.entered.set()
        await asyncio.Event().wait()


def test_one_that_stands_still_before_its_first_message_is_ended_too() -> None:
    async def main() -> None:
        office: Any = Office()
        office.dispatcher = Dispatcher()
        context = Blocked()
        asked = pb.SubscribeRequest(stream_ids=["door"], wait=True).SerializeToString()
        calls: list[SubscribeCall] = []

        async def call() -> None:
            calls.append(SubscribeCall(office, context))
            await calls[0].run(asked)

        running = asyncio.create_task(call())
        await context.entered.wait()
        patrol = Patrol(calls, stall_s=1.0)
        patrol.look(100.0)
        patrol.look(101.0)
        try:
            await asyncio.wait_for(running, PATIENCE_S)
        finally:
            assert office.dispatcher.subscribed().subscribers == 0

    with pytest.raises(Refused) as caught:
        asyncio.run(main())
    assert caught.value.reason is Reason.SLOW_CONSUMER
