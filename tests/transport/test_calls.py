"""Calls on a real engine, without a network: what a client is told when the server itself fails."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import cv2
import grpc
import numpy as np
import pytest

from framesrv.app import App, AppSettings
from framesrv.engine import EngineSettings, Task
from framesrv.ops.custom import Processors
from framesrv.protocol import wire
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.status import read_rich_status
from framesrv.streams.order import Entry
from framesrv.transport.address import Address
from framesrv.transport.batch import process_batch
from framesrv.transport.settings import TransportSettings
from framesrv.transport.stream import StreamCall, process_stream
from framesrv.transport.subscribe import SubscribeCall

PNG = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
FRAMES = [pb.Frame(sequence=n, encoded=pb.EncodedImage(data=PNG)) for n in range(5)]


class Aborted(Exception):
    pass


class Context:
    """A call's: gives what the client sends, takes down what it is sent."""

    def __init__(self, *messages: Any, stays: bool = False) -> None:
        self._messages = deque(messages)  # or something to do when it is their turn
        self._stays = stays  # the client sends nothing more, and does not say so
        self.sent: list[pb.ProcessStreamResponse] = []
        self.code: grpc.StatusCode | None = None
        self.reason = ""
        self.writes_left = 1000

    def peer(self) -> str:
        return "test"

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return ()

    def time_remaining(self) -> None:
        return None

    async def read(self) -> Any:
        while self._messages:
            message = self._messages.popleft()
            if not callable(message):
                return message.SerializeToString()
            message()
        if self._stays:
            await asyncio.Event().wait()
        return grpc.aio.EOF

    async def write(self, data: bytes) -> None:
        if not self.writes_left:
            raise asyncio.InvalidStateError("the connection is gone")
        self.writes_left -= 1
        self.sent.append(pb.ProcessStreamResponse.FromString(data))

    async def abort(
        self, code: grpc.StatusCode, text: str, trailing_metadata: tuple[tuple[str, bytes], ...]
    ) -> None:
        self.code, self.reason = code, read_rich_status(trailing_metadata[0][1]).reason
        raise Aborted


def on_an_app(call: Callable[[App], Awaitable[None]]) -> None:
    """Afterwards no lease is out, and nothing is in flight."""

    async def run() -> None:
        settings = AppSettings(
            engine=EngineSettings(workers=2),
            transport=TransportSettings(listen=(Address("127.0.0.1", 0),)),
        )
        app = App(settings, Processors())
        app.engine.start()
        try:
            await asyncio.wait_for(call(app), 60)
        finally:
            await asyncio.to_thread(app.engine.stop)
        for name, stats in app.manager.stats().items():
            assert (name, stats.leased, stats.quarantined) == (name, 0, 0)
        assert (app.engine.admission.frames, app.engine.admission.nbytes) == (0, 0)
        assert app.office.streams.open == 0
        assert app.manager.shutdown() == []

    asyncio.run(run())


def fails(*_: Any) -> Any:
    raise MemoryError


def stream(app: App, context: Any) -> Awaitable[None]:
    return process_stream(app.office, app.server.service.streams, context)


OPEN = pb.ProcessStreamRequest(open=pb.StreamConfig())
BATCH = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=FRAMES))


def test_a_batch_s_answer_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty answer would be a lie."""
    caplog.set_level(logging.CRITICAL)

    async def call(app: App) -> None:
        context = Context()
        monkeypatch.setattr(wire, "write_result", fails)
        request = pb.ProcessBatchRequest(frames=FRAMES).SerializeToString()
        with pytest.raises(Aborted):
            await process_batch(app.office, request, context)
        assert (context.code, context.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")

    on_an_app(call)


def test_the_whole_message_of_a_call_counts_as_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC keeps it while the call lasts, also what is in it besides frames."""
    counted: list[int] = []

    async def call(app: App) -> None:
        submit = app.engine.submit

        def count(tasks: Sequence[Task]) -> None:
            counted.append(sum(task.nbytes for task in tasks))
            submit(tasks)

        monkeypatch.setattr(app.engine, "submit", count)
        request = pb.ProcessBatchRequest(frames=FRAMES).SerializeToString()
        unknown = b"\xfa\x3f\x80\x80\x40" + bytes(1 << 20)  # field 1023: a mebibyte
        for data in (request, request + unknown):
            await process_batch(app.office, data, Context())
            assert counted[-1] == len(data)

    on_an_app(call)


@pytest.mark.parametrize("stays", [False, True])
def test_a_stream_s_answer_that_cannot_be_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stays: bool
) -> None:
    """The call ends with an error, also if its client would wait for the answer for ever."""
    caplog.set_level(logging.CRITICAL)

    async def call(app: App) -> None:
        context = Context(OPEN, BATCH, stays=stays)
        monkeypatch.setattr(wire, "stream_results_prefix", fails)
        with pytest.raises(Aborted):
            await stream(app, context)
        assert (context.code, context.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")

    on_an_app(call)


def test_a_write_that_fails_ends_the_call_and_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)

    async def call(app: App) -> None:
        for writes in range(4):
            context = Context(OPEN, *[BATCH] * 9, stays=True)
            context.writes_left = writes
            with pytest.raises(Aborted):
                await stream(app, context)
            assert len(context.sent) == writes

    on_an_app(call)


def test_a_call_that_is_cancelled_at_every_step() -> None:
    """After any number of turns of the loop, also before it has begun."""

    async def call(app: App) -> None:
        batch = pb.ProcessBatchRequest(frames=FRAMES).SerializeToString()
        for turns in range(40):
            contexts = [Context(OPEN, *[BATCH] * 5, stays=True), Context()]
            calls: list[asyncio.Task[Any]] = [
                asyncio.ensure_future(stream(app, contexts[0])),
                asyncio.ensure_future(process_batch(app.office, batch, contexts[1])),
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            for each in calls:
                each.cancel()
            for context, result in zip(
                contexts, await asyncio.gather(*calls, return_exceptions=True), strict=True
            ):
                if isinstance(result, Aborted):  # a slow machine still has the cancelled ones' work
                    assert context.reason == "QUEUE_FULL"
                else:
                    assert isinstance(result, asyncio.CancelledError | bytes)
        assert not app.server.service.streams

    on_an_app(call)


def test_a_processor_s_answer_after_the_loop_is_closed() -> None:
    """Its call is gone with the loop; the worker does not mind."""
    app: list[App] = []

    async def leave() -> None:
        settings = AppSettings(
            engine=EngineSettings(workers=1),
            transport=TransportSettings(listen=(Address("127.0.0.1", 0),)),
        )
        app.append(App(settings, Processors()))
        context: Any = Context(OPEN)
        call = StreamCall(app[0].office, context)
        running = asyncio.ensure_future(call.run())
        await running
        frames: Any = wire.read_batch_request(
            pb.ProcessBatchRequest(frames=FRAMES).SerializeToString()
        ).frames
        app[0].engine.submit([call.task(Entry(frames), 1, 1)])
        app[0].office.streams.leave(call.tally)

    asyncio.run(leave())
    app[0].engine.start()
    app[0].engine.stop()
    assert app[0].engine.workers_lost == 0
    assert app[0].engine.admission.frames == 0
    assert app[0].engine.meter().frames["ok", ""] == len(FRAMES)
    assert app[0].manager.shutdown() == []


def test_a_late_frame_of_a_stream_has_its_labels() -> None:
    """Refused without a worker: the client must still know which it was."""

    async def call(app: App) -> None:
        calls: list[StreamCall] = []
        labelled = pb.Frame(sequence=7, captured_at_ns=8, trace_id="t")
        context: Any = Context(
            pb.ProcessStreamRequest(open=pb.StreamConfig(stream_id="s")),
            lambda: calls[0].go_away(1.0),
            pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[labelled])),
        )
        calls.append(StreamCall(app.office, context))
        await calls[0].run()
        app.office.streams.leave(calls[0].tally)
        ready, away, answer = context.sent
        assert ready.WhichOneof("message") == "ready"
        assert away.go_away.grace.seconds == 1
        (result,) = answer.results.results
        assert (result.sequence, result.captured_at_ns, result.trace_id) == (7, 8, "t")
        assert (result.stream_id, result.error.reason) == ("s", "DRAINING")
        assert result.received_at_ns > 0

    on_an_app(call)


class Listening:
    """A subscriber's context."""

    def __init__(self, told: list[str]) -> None:
        self._told = told
        self.joined = asyncio.Event()

    async def send_initial_metadata(self, _: Any) -> None:
        self.joined.set()

    async def write(self, data: bytes) -> None:
        if pb.SubscribeResponse.FromString(data).HasField("frame"):
            self._told.append("subscriber")


class Publishing(Context):
    def __init__(self, told: list[str], *messages: Any) -> None:
        super().__init__(*messages)
        self._told = told

    async def write(self, data: bytes) -> None:
        await super().write(data)
        if self.sent[-1].HasField("results"):
            self._told.append("publisher")


def test_a_publisher_is_answered_before_those_who_watch_are_told() -> None:
    """To tell each of them takes a moment, and they may be many."""
    told: list[str] = []
    config = pb.StreamConfig(stream_id="door", publish=True)
    batch = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=FRAMES[:1]))
    asked = pb.SubscribeRequest(stream_ids=["door"], wait=True).SerializeToString()

    async def call(app: App) -> None:
        contexts = [Listening(told) for _ in range(3)]
        async with asyncio.TaskGroup() as group:
            watching = [
                group.create_task(SubscribeCall(app.office, context).run(asked))
                for context in contexts
            ]
            for context in contexts:
                await context.joined.wait()
            publisher = Publishing(told, pb.ProcessStreamRequest(open=config), batch)
            await stream(app, publisher)
            while len(told) < 4:
                await asyncio.sleep(0)
            for task in watching:
                task.cancel()

    on_an_app(call)
    assert told == ["publisher", *["subscriber"] * 3]
