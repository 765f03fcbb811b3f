"""A subscriber's call while the server stops, at the instants at which something could be lost."""

from __future__ import annotations

import asyncio
from typing import Any

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.streams.news import Event, State
from framesrv.transport.subscribe import SubscribeCall

PATIENCE_S = 30.0


class Watched:
    """One stream, whose publisher leaves when it is told to."""

    has_too_much = False

    def __init__(self) -> None:
        self.news: list[Event] = []
        self.is_live = True

    def take(self) -> list[Event]:
        news, self.news = self.news, []
        return news

    @property
    def is_idle(self) -> bool:
        return not (self.news or self.is_live)


class Context:
    """A client that is told something; ``during`` is called while it is told of the goodbye."""

    def __init__(self) -> None:
        self.told: list[str | None] = []
        self.during: Any = None

    async def write(self, message: bytes) -> None:
        kind = pb.SubscribeResponse.FromString(message).WhichOneof("message")
        self.told.append(kind)
        if kind == "go_away":
            self.during()
        await asyncio.sleep(0)


def test_what_happens_while_the_goodbye_is_written_is_not_lost() -> None:
    async def main() -> list[str | None]:
        watched, context = Watched(), Context()
        call: Any = SubscribeCall(None, context)  # type: ignore[arg-type]  # it asks it for nothing

        def publisher_leaves() -> None:
            watched.is_live = False
            watched.news.append(Event("door", State.ENDED))
            call._wake()

        context.during = publisher_leaves
        call.go_away(1.0)
        await asyncio.wait_for(call._serve(watched), PATIENCE_S)
        return context.told

    assert asyncio.run(main()) == ["go_away", "event"]
