"""Subscribe: what streams publish, as fast as the client takes it, until either side has enough."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from framesrv.errors import Reason, Refused
from framesrv.protocol import wire
from framesrv.streams.news import Clone, Event, Gap, MergedClone
from framesrv.transport import stream_log, subscriber_log
from framesrv.transport.errors import refuse
from framesrv.transport.office import Office
from framesrv.transport.wanted import Watching, watching

METHOD: Final = "Subscribe"


class SubscribeCall:
    """One Subscribe call, from its request to its status."""

    def __init__(self, office: Office, context: Any) -> None:
        self._office = office
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._awaited: asyncio.Future[None] | None = None  # until there is something to take
        self._goes_away: bytes | None = None
        self._leaving = False
        self._outputs: tuple[str, ...] = ()
        self.writes = 0  # begun; the patrol sees by it who makes progress
        self.writing = False
        self.too_slow = False

    async def run(self, data: bytes) -> None:
        """Raises what the call is to be refused with."""
        office = self._office
        asked = wire.read_subscribe_request(data)
        self._outputs = asked.output_names
        watched = watching(office, asked, self._wake)
        how, begun_ns = stream_log.CANCELLED, subscriber_log.subscribed(asked, self._context)
        try:
            # So that the client knows: whatever is published from here on is for it.
            self.writing = True
            await self._context.send_initial_metadata(())
            self.writing = False
            await self._serve(watched)
            how = stream_log.COMPLETED
        except asyncio.CancelledError:
            if not self.too_slow or self._task is None:
                raise
            self._task.uncancel()  # it was the patrol's
            how = str(Reason.SLOW_CONSUMER)
            raise _slow(office) from None
        finally:
            office.dispatcher.leave(watched)
            dropped = watched.dropped_frames
            subscriber_log.ended(how, begun_ns, self.writes, dropped, self._context)

    async def _serve(self, watched: Watching) -> None:
        write, take = self._context.write, watched.take
        while True:
            if self._goes_away is not None:
                await self._write(self._goes_away)
                self._goes_away = None
            if watched.has_too_much:
                raise _slow(self._office)
            news = take()  # after it: what happens while something is written wakes nobody
            for one in news:
                self.writes += 1
                self.writing = True
                await write(self._message(one))
                self.writing = False
            if not news:
                if self._leaving and watched.is_idle:
                    return
                self._awaited = self._loop.create_future()
                await self._awaited

    async def _write(self, message: bytes) -> None:
        self.writes += 1
        self.writing = True
        await self._context.write(message)
        self.writing = False

    def _message(self, news: Clone | MergedClone | Gap | Event) -> bytes:
        if isinstance(news, Clone):
            if not self._outputs:
                return news.message
            return self._office.dispatcher.forms.of(news, self._outputs, wire.with_outputs)
        if isinstance(news, MergedClone):
            return news.message
        if isinstance(news, Gap):
            return wire.gap(news.stream_id, news.frames)
        return wire.stream_event(news.stream_id, news.state)

    # -- waking ----------------------------------------------------------------------------

    def _wake(self) -> None:
        awaited = self._awaited
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    # -- called by others ------------------------------------------------------------------

    def go_away(self, grace_s: float) -> None:
        """The server will stop soon: tell the client, and go on until no stream is left."""
        self._goes_away = wire.subscriber_go_away("the server is about to stop", grace_s)
        self._leaving = True
        self._wake()

    def end_as_slow(self) -> None:
        if not self.too_slow and self._task is not None:
            self.too_slow = True
            self._task.cancel()


def _slow(office: Office) -> Refused:
    stall_s = office.fan_out.stall_s
    return Refused(
        Reason.SLOW_CONSUMER,
        f"this subscriber has taken nothing for {stall_s:g} s: subscribe again, ask for smaller "
        "outputs or fewer streams, or read faster",
    )


async def subscribe(office: Office, calls: set[SubscribeCall], data: bytes, context: Any) -> None:
    call = SubscribeCall(office, context)
    calls.add(call)
    try:
        office.check_open()
        await call.run(data)
    except Exception as error:
        refusing = refuse(context, error, office.refusals, method=METHOD)
        if not call.too_slow:
            await refusing
        calls.discard(call)
        await office.goodbyes.say(refusing)
    finally:
        calls.discard(call)
