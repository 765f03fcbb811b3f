"""A Subscribe call that is cut off at each of its steps, by its client, the patrol, or both."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import stream_event
from framesrv.streams import Dispatcher, FanOutSettings
from framesrv.streams.news import Clone
from framesrv.transport.goodbyes import Goodbyes
from framesrv.transport.subscribe import SubscribeCall, subscribe

STEPS = 24
A_FRAME = stream_event("stands for a frame", 1)


class Aborted(Exception):
    pass


class Context:
    """A client to which each message takes a turn of the loop or two."""

    def __init__(self) -> None:
        self.written = 0
        self.status = ""

    def peer(self) -> str:
        return ""

    def invocation_metadata(self) -> tuple[()]:
        return ()

    async def send_initial_metadata(self, _: object) -> None:
        await asyncio.sleep(0)

    async def write(self, message: bytes) -> None:
        await asyncio.sleep(0)
        pb.SubscribeResponse.FromString(message)
        self.written += 1
        await asyncio.sleep(0)

    async def abort(self, code: Any, text: str, trailing_metadata: Any) -> None:
        await asyncio.sleep(0)
        self.status = code.name
        raise Aborted


class Refusals:
    def note(self, *_: object, **__: object) -> None:
        pass


class Office:
    fan_out = FanOutSettings()

    def __init__(self) -> None:
        self.dispatcher = Dispatcher(self.fan_out)
        self.goodbyes = Goodbyes(self.dispatcher)
        self.refusals = Refusals()

    def check_open(self) -> None:
        pass


async def cut_off(steps: int, who: str, to_all: bool) -> tuple[Context, Office, bool]:
    office, context = Office(), Context()
    publication = office.dispatcher.start("door")
    publication.publish([Clone("door", A_FRAME)])
    calls: set[SubscribeCall] = set()
    asked = pb.SubscribeRequest(stream_ids=[] if to_all else ["door", "none"], wait=True)
    as_office: Any = office
    task = asyncio.create_task(subscribe(as_office, calls, asked.SerializeToString(), context))
    for step in range(steps):
        if step % 3 == 0:
            publication.publish([Clone("door", A_FRAME)])
        await asyncio.sleep(0)
    slow = False
    for cut in who:
        if cut == "p":
            for call in calls:
                slow = slow or call.writing
                if call.writing:
                    call.end_as_slow()
        else:
            task.cancel()
    if who == "p" and not slow:
        task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.done()
    assert task.cancelled() or isinstance(task.exception(), Aborted)
    assert not calls
    publication.end()
    return context, office, slow


@pytest.mark.parametrize("who", ["c", "p", "pc", "cp"])
@pytest.mark.parametrize("to_all", [False, True])
def test_nothing_of_it_stays(who: str, to_all: bool) -> None:
    written = 0
    for steps in range(STEPS):
        context, office, slow = asyncio.run(cut_off(steps, who, to_all))
        dispatcher = office.dispatcher
        assert dispatcher.subscribed().subscribers == 0
        assert (dispatcher.nbytes, dispatcher.unread, len(dispatcher._channels)) == (0, 0, 0)
        assert not dispatcher._to_all
        if who == "p":
            assert context.status == ("RESOURCE_EXHAUSTED" if slow else "")
        written = max(written, context.written)
    assert written > 1
