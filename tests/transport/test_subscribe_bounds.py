"""What one subscriber may cost: streams that it is behind in, names that are looked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framesrv.errors import Reason, Refused
from framesrv.protocol.wire import SubscribeAsked
from framesrv.streams import FanOutSettings
from framesrv.streams.news import Event, State
from framesrv.transport.subscribe import SubscribeCall
from framesrv.transport.wanted import OUTPUTS_MAX, watching


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
