"""ProcessStream: ``open`` first, then batches, until the client's half-close.

One task reads, the call's own writes; the session between them keeps the order.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from time import monotonic_ns, time_ns
from typing import Any

import grpc

from framesrv.engine.failure import frame_error
from framesrv.engine.frame import unprocessed
from framesrv.engine.task import Task
from framesrv.errors import Reason, Refused
from framesrv.pipeline.plan import Plan
from framesrv.protocol import wire
from framesrv.streams import DropPolicy, Session
from framesrv.streams.dispatcher import Publication
from framesrv.streams.order import Entry
from framesrv.streams.tally import StreamTally
from framesrv.transport import stream_log
from framesrv.transport.answers import WAIT_S, StreamAnswer, call_later
from framesrv.transport.batch import deadline_ns
from framesrv.transport.errors import refuse, trace_id_of
from framesrv.transport.office import Office
from framesrv.transport.opening import check


class StreamCall:
    """One ProcessStream call, from its first message to its status."""

    def __init__(self, office: Office, context: Any) -> None:
        self._office = office
        self._context = context
        self.peer = context.peer()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()  # something to write, or the end
        self._room = asyncio.Event()  # something to read again
        self._reader: asyncio.Task[None] | None = None
        self._over: BaseException | None = None
        self._read_all = False
        self._goes_away: bytes | None = None
        self.session: Session | None = None
        self.stream_id = ""
        self.tally = StreamTally()
        self._publication: Publication | None = None
        self._plan: Plan | None = None
        self._max_age_ns = 0
        self._deadline_ns = deadline_ns(context, monotonic_ns())

    async def run(self) -> None:
        """Raises what the call is to be refused with; all that was accepted is answered first."""
        reader = self._reader = self._loop.create_task(self._read())
        try:
            await self._write()
        finally:
            if self.session is not None:
                self.session.abandon()
            reader.cancel()
        if self._over is not None:
            raise self._over

    def left(self) -> None:
        """The call is over: its stream is another's to open."""
        if self._publication is not None:
            self._publication.end()
        self._office.streams.leave(self.tally)

    def go_away(self, grace_s: float) -> None:
        """The server will stop soon: tell the client, and take no new frames."""
        if self.session is not None:
            self.session.draining = True
        self._goes_away = wire.go_away("the server is about to stop", grace_s)
        self._news.set()

    # -- reading ---------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while await self._read_one():
                await self._wait_for_room()
        except Refused as refused:
            self._end(refused.with_traceback(None))  # its frames would keep the message
        except Exception as error:
            self._end(error)
        else:
            self._end(None)

    async def _read_one(self) -> bool:
        """Here, so that nothing keeps the message: a stream may be silent for long after it."""
        data = await self._context.read()
        if data is grpc.aio.EOF:
            return False
        self._take(data)
        return True

    def _end(self, error: BaseException | None) -> None:
        """No more is read; the call ends when all that was accepted has been answered."""
        self._over = self._over or error
        self._read_all = True
        self._news.set()

    def _take(self, data: bytes) -> None:
        received_ns, received_at_ns = monotonic_ns(), time_ns()
        message = self._message(data, received_at_ns)
        if isinstance(message, wire.StreamOpen):
            if self.session is not None:
                raise Refused(
                    Reason.STREAM_ALREADY_OPEN, "the stream is open: open it once, then send frames"
                )
            self._open(message)
        elif self.session is None:
            raise Refused(
                Reason.STREAM_NOT_OPEN, "the first message of a stream must be open, then batches"
            )
        elif message is not None:
            self.tally.came(len(message), received_ns)
            if message and not self.session.draining:
                self._office.meter.batches.add(len(message))
            self.session.offer(message, received_ns, received_at_ns)
            self._news.set()

    def _message(self, data: bytes, received_at_ns: int) -> Any:
        return self._office.reception.stream(data, self.peer, received_at_ns)

    def _open(self, asked: wire.StreamOpen) -> None:
        office = self._office
        self.stream_id = asked.stream_id  # named also where the stream is refused
        office.check_open()
        check(asked)
        self._plan = office.plans.find(asked.plan)
        stream_id = asked.stream_id or secrets.token_hex(8)
        tally = StreamTally(stream_id, published=bool(asked.publish))
        office.streams.enter(tally)
        self.stream_id, self.tally = stream_id, tally
        if tally.published:
            self._publication = office.dispatcher.start(stream_id)
        self._max_age_ns = asked.max_age_ns or 0
        most = office.stream_settings.max_in_flight_frames
        window = min(asked.max_in_flight_frames or most, most)
        policy = DropPolicy(asked.drop_policy or DropPolicy.BLOCK)
        self.session = tally.session = Session(
            office.engine,
            self,
            policy=policy,
            window=window,
            when_room=self._ask_for_room,
            show=self._publication.publish if self._publication else None,
        )
        self._ready = wire.stream_ready(
            secrets.token_hex(8), self.stream_id, window, office.reception.limits.max_batch_frames
        )
        stream_log.opened(tally, policy, self.peer, trace_id_of(self._context))
        self._news.set()

    async def _wait_for_room(self) -> None:
        while self.session is not None and not self.session.may_read():
            self._room.clear()
            await self._room.wait()

    def _ask_for_room(self) -> None:
        session = self.session
        if session is None:
            return

        def pump() -> None:
            session.room()
            self._room.set()
            self._news.set()

        self._office.engine.when_room(lambda: call_later(self._loop, pump))

    # -- work: called by the session -------------------------------------------------------

    def task(self, entry: Entry, received_ns: int, received_at_ns: int) -> Task:
        if self._plan is None or self.session is None:
            raise RuntimeError("a frame was taken before the stream was open")
        session = self.session
        answer = self._answer(entry.count)

        def ended() -> None:
            self._count(answer)
            # The writer's turn comes before the subscribers', however many they are.
            self._news.set()
            session.finished(entry, answer.messages, answer.clones)
            if not answer.whole:
                self._end(RuntimeError("a stream's answer could not be written"))
                if self._reader is not None:
                    self._reader.cancel()

        return Task(
            self._plan,
            entry.frames,
            answer,
            lambda: call_later(self._loop, ended),
            request_id=self.stream_id,
            stream_id=self.stream_id,
            received_ns=received_ns,
            received_at_ns=received_at_ns,
            deadline_ns=self._deadline_ns,
            expires_ns=received_ns + self._max_age_ns if self._max_age_ns else 0,
            patient=True,
        )

    def refusal(self, entry: Entry, refused: Refused, received_at_ns: int) -> list[bytes]:
        error = frame_error(refused, 0)
        answer = self._answer(entry.count, wait_s=0)  # this is the event loop's thread
        for frame in entry.frames:
            report = unprocessed(frame, error, self.stream_id, self.stream_id, received_at_ns)
            answer.add(report)
            self._office.meter.count(report)
        answer.finish()
        self._count(answer)
        return answer.messages

    def _count(self, answer: StreamAnswer) -> None:
        self.tally.went(answer.ok, answer.failed, answer.dropped)

    def _answer(self, frames: int, wait_s: float = WAIT_S) -> StreamAnswer:
        office = self._office
        return StreamAnswer(
            frames,
            office.answers,
            office.stream_settings.max_result_bytes,
            office.settings.max_message_bytes - 64,
            wait_s,
            watcher=self.tally.watcher,
            published=self._publication is not None,
        )

    # -- writing ---------------------------------------------------------------------------

    async def _write(self) -> None:
        told_ready = False
        while True:
            self._news.clear()
            session = self.session
            if session is not None:
                if not told_ready:
                    told_ready = True
                    await self._context.write(self._ready)
                if self._goes_away is not None:
                    session.draining = True
                    message, self._goes_away = self._goes_away, None
                    await self._context.write(message)
                await self._write_answers(session)
            if self._read_all and (session is None or session.idle):
                return
            await self._news.wait()

    async def _write_answers(self, session: Session) -> None:
        while (entry := session.next_answer()) is not None:
            for message in entry.messages or ():
                await self._context.write(message)
            entry.messages = None
            session.written(entry)
            self._room.set()


async def process_stream(
    office: Office,
    calls: set[StreamCall],
    context: Any,
    kind: Callable[[Office, Any], StreamCall] = StreamCall,
) -> None:
    call = kind(office, context)
    calls.add(call)
    how = stream_log.CANCELLED  # unless it ends in another way
    try:
        office.check_open()
        # Counted here too: one that is not opened costs as much as one that is.
        if len(calls) > office.streams.max_streams:
            raise office.streams.too_many(len(calls) - 1)
        await call.run()
        how = stream_log.COMPLETED
    except Exception as error:
        how = stream_log.how_it_failed(error)
        await refuse(
            context, error, office.refusals, method="ProcessStream", stream_id=call.stream_id
        )
    finally:
        calls.discard(call)
        call.left()
        if call.session is not None:
            stream_log.ended(call.tally, how, call.peer, trace_id_of(context))
