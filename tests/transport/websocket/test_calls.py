"""Calls over WebSocket: what they answer, and that nothing is left when either side ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.transport.websocket.calls import WebSocketCalls
from framesrv.transport.websocket.status import REASON_BYTES_MAX, Status
from tests.transport.websocket.loops import loop_thread
from tests.transport.websocket.rig import BATCH, END, OPEN, Rig, Socket, on_a_rig

WHOLE = (OPEN, BATCH, BATCH, BATCH, END)


def told(socket: Socket) -> dict[str, Any]:
    """The server's last word."""
    (word,) = [message for message in socket.sent if isinstance(message, str)]
    assert socket.sent[-1] is word
    found: dict[str, Any] = json.loads(word)
    assert socket.closed is not None
    assert socket.closed[0] == (4000 + found["code"] if found["code"] else 1000)
    assert len(socket.closed[1].encode()) <= REASON_BYTES_MAX
    return found


def answered_by(rig: Rig, stream: Callable[..., Any]) -> None:
    handler: Any = grpc.stream_stream_rpc_method_handler(stream)
    rig.calls._service.handlers = lambda: {"ProcessStream": handler}  # type: ignore[method-assign]


class TestAnswers:
    def test_a_stream_is_answered_and_ends_with_ok(self) -> None:
        async def call(rig: Rig) -> None:
            socket = await rig.serve(lambda: Socket(*WHOLE))
            assert socket.statuses == [pb.FRAME_STATUS_OK] * 9
            assert told(socket) == {
                "code": 0, "reason": "", "message": "", "retry_after_s": None
            }  # fmt: skip

        on_a_rig(call)

    @pytest.mark.parametrize(
        ("messages", "code", "reason"),
        [
            ((BATCH,), 9, "STREAM_NOT_OPEN"),
            ((OPEN, OPEN), 9, "STREAM_ALREADY_OPEN"),
            ((b"\xff",), 3, "MALFORMED_MESSAGE"),
            (("hello",), 3, "MALFORMED_MESSAGE"),
            ((OPEN, "hello", "again", b"x"), 3, "MALFORMED_MESSAGE"),
            ((OPEN, END, OPEN), 3, "MALFORMED_MESSAGE"),
            ((END,), 0, ""),
        ],
    )
    def test_a_stream_that_is_refused(
        self, messages: tuple[bytes | str, ...], code: int, reason: str
    ) -> None:
        async def call(rig: Rig) -> None:
            found = told(await rig.serve(lambda: Socket(*messages)))
            assert (found["code"], found["reason"]) == (code, reason)

        on_a_rig(call)

    def test_what_was_accepted_before_a_refusal_is_answered(self) -> None:
        async def call(rig: Rig) -> None:
            socket = await rig.serve(lambda: Socket(OPEN, BATCH, "hello"))
            assert socket.statuses == [pb.FRAME_STATUS_OK] * 3
            assert told(socket)["reason"] == "MALFORMED_MESSAGE"

        on_a_rig(call)

    @pytest.mark.parametrize("first", ["", "hello", b"\xff"])
    def test_a_subscriber_that_sends_no_request(self, first: bytes | str) -> None:
        async def call(rig: Rig) -> None:
            found = told(await rig.serve(lambda: Socket(first), takes_one=True))
            assert (found["code"], found["reason"]) == (3, "MALFORMED_MESSAGE")

        on_a_rig(call)

    def test_a_subscriber_that_sends_more_than_one(self) -> None:
        async def call(rig: Rig) -> None:
            request = pb.SubscribeRequest(stream_ids=["door"], wait=True).SerializeToString()
            found = told(await rig.serve(lambda: Socket(request, request), takes_one=True))
            assert (found["code"], found["reason"]) == (3, "MALFORMED_MESSAGE")

        on_a_rig(call)

    def test_a_draining_server_says_when_to_come_back(self) -> None:
        async def call(rig: Rig) -> None:
            rig.app.server.service.drain(1.0)
            found = told(await rig.serve(lambda: Socket(OPEN)))
            assert (found["code"], found["reason"]) == (14, "DRAINING")
            assert found["retry_after_s"] > 0

        on_a_rig(call)

    def test_a_fault_of_ours_is_told_by_its_number_alone(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def call(rig: Rig) -> None:
            monkeypatch.setattr(rig.calls._service, "handlers", dict)
            found = told(await rig.serve(lambda: Socket(OPEN)))
            assert (found["code"], found["reason"]) == (13, "INTERNAL")
            assert "ProcessStream" not in found["message"]

        on_a_rig(call)
        assert "KeyError: 'ProcessStream'" in caplog.text


class TestEnds:
    """Struck at each step that a socket takes, until there are no more."""

    @pytest.mark.parametrize("how", ["client", "task", "stop"])
    @pytest.mark.parametrize("subscribes", [False, True])
    def test_nothing_is_left(self, how: str, subscribes: bool) -> None:
        request = pb.SubscribeRequest(stream_ids=["door"], wait=True).SerializeToString()
        messages = (request, END) if subscribes else WHOLE
        strikes = 0

        async def call(rig: Rig) -> None:
            nonlocal strikes
            for step in range(1, 1000):
                socket = await rig.serve(
                    lambda step=step: self._struck(rig, how, step, messages),  # type: ignore[misc]
                    takes_one=subscribes,
                    settles=False,
                )
                if how == "stop":
                    await rig.calls.stop()  # the strike's may still go on
                    rig.calls._stopped = False
                await rig.settled()
                if socket.steps < step or (subscribes and step > 6):
                    return
                strikes += 1
            raise AssertionError("it never came to an end")

        on_a_rig(call)
        assert strikes >= 3

    def _struck(self, rig: Rig, how: str, step: int, messages: tuple[bytes | str, ...]) -> Socket:
        loop = asyncio.get_running_loop()
        socket: Socket
        if how == "client":
            socket = Socket(*messages, strike_at=step, strike=lambda: socket.die())  # noqa: PLW0108 - not yet made
        elif how == "task":

            def cancel() -> None:
                for task in asyncio.all_tasks(loop):
                    if "WebSocketCalls.serve" in repr(task.get_coro()):
                        task.cancel()

            socket = Socket(*messages, strike_at=step, strike=cancel)
        else:
            stop: Callable[[], Any] = lambda: asyncio.run_coroutine_threadsafe(  # noqa: E731
                rig.calls.stop(), rig.calls._main or loop
            )
            socket = Socket(*messages, strike_at=step, strike=stop)
        if messages[0] != OPEN:  # a subscription has no end of its own
            loop.call_later(0.05, socket.die)
        return socket

    @pytest.mark.parametrize("turns", range(4))
    def test_all_of_it_is_cancelled_at_once(self, turns: int) -> None:
        """Before the reader's first step, say: then nothing that it would do at its end is done."""

        async def call(rig: Rig) -> None:
            async def life() -> None:
                task = asyncio.ensure_future(rig.calls.serve(Socket(OPEN), takes_one=False))
                for _ in range(turns):
                    await asyncio.sleep(0)
                for one in asyncio.all_tasks() - {asyncio.current_task()}:
                    one.cancel()
                await asyncio.wait([task])

            await rig.http.on(life())
            await rig.settled()

        on_a_rig(call)

    def test_a_stop_is_told_to_who_listens(self) -> None:
        async def call(rig: Rig) -> None:
            serving = asyncio.ensure_future(rig.serve(lambda: Socket(OPEN), settles=False))
            while not rig.app.office.streams.open:
                await asyncio.sleep(0.001)
            await rig.calls.stop()
            found = told(await serving)
            assert (found["code"], found["reason"]) == (14, "DRAINING")
            late = told(await rig.serve(lambda: Socket(OPEN)))
            assert (late["code"], late["reason"]) == (14, "DRAINING")

        on_a_rig(call)

    def test_a_stop_waits_for_nobody_who_does_not_listen(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("framesrv.transport.websocket.calls._LINGER_S", 0.05)

        async def call(rig: Rig) -> None:
            def deaf() -> Socket:
                socket = Socket(*WHOLE)
                socket.takes.clear()
                deaf_ones.append(socket)
                return socket

            deaf_ones: list[Socket] = []
            serving = asyncio.ensure_future(rig.serve(deaf, settles=False))
            while not rig.app.office.streams.open:
                await asyncio.sleep(0.001)
            await rig.calls.stop()
            assert rig.calls.open == 0
            rig.http.loop.call_soon_threadsafe(deaf_ones[0].die)
            await serving
            await rig.settled()

        on_a_rig(call)

    def test_the_listener_s_loop_dies(self) -> None:
        async def call(rig: Rig) -> None:
            async def life() -> None:
                await rig.calls.serve(Socket(OPEN, BATCH), takes_one=False)

            rig.http.start(life())
            while not rig.app.office.streams.open:
                await asyncio.sleep(0.001)
            await asyncio.to_thread(rig.http.die)
            async with asyncio.timeout(60):
                while rig.calls.open or rig.app.office.streams.open:
                    await asyncio.sleep(0.001)

        on_a_rig(call)

    def test_there_is_no_main_loop(self) -> None:
        found: list[Socket] = []

        async def life() -> None:
            found.append(Socket(OPEN))
            await calls.serve(found[0], takes_one=False)

        calls = WebSocketCalls(None)  # type: ignore[arg-type]
        with loop_thread() as http:
            http.run(life())
        assert told(found[0])["reason"] == "DRAINING"

    def test_a_task_that_is_cancelled_before_its_first_step(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def call(rig: Rig) -> None:
            begin = rig.calls._begin

            def begin_and_cancel(one: Any) -> None:
                begin(one)
                one.cancel_here(Status(10, "DROPPED_BY_POLICY", "at once"))

            monkeypatch.setattr(rig.calls, "_begin", begin_and_cancel)
            found = told(await rig.serve(lambda: Socket(OPEN)))
            assert found["code"] == 10

        on_a_rig(call)


class TestBounds:
    def test_who_does_not_read_is_not_written_to(self) -> None:
        """And in the end not read from: the frames it sends are not taken without end."""

        async def call(rig: Rig) -> None:
            handed = 0

            async def stream(_: Any, context: Any) -> None:
                nonlocal handed
                for _ in range(50):
                    await context.write(b"")
                    handed += 1

            answered_by(rig, stream)
            sockets: list[Socket] = []

            def deaf() -> Socket:
                sockets.append(Socket())
                sockets[0].takes.clear()
                return sockets[0]

            serving = asyncio.ensure_future(rig.serve(deaf))
            while handed < 3:  # two on the way, and one that the socket has
                await asyncio.sleep(0.001)
            for _ in range(50):
                await asyncio.sleep(0)
                await rig.http.on(asyncio.sleep(0))
            assert handed == 3
            rig.http.loop.call_soon_threadsafe(sockets[0].takes.set)
            socket = await serving
            assert len(socket.sent) == 51
            assert told(socket)["code"] == 0

        on_a_rig(call)

    def test_what_is_not_read_is_not_taken_from_the_socket(self) -> None:
        async def call(rig: Rig) -> None:
            go_on = asyncio.Event()
            got: list[Any] = []

            async def stream(_: Any, context: Any) -> None:
                await go_on.wait()
                while (message := await context.read()) is not grpc.aio.EOF:
                    got.append(message)

            answered_by(rig, stream)
            sockets: list[Socket] = []
            messages = [bytes([number]) for number in range(50)]

            def eager() -> Socket:
                sockets.append(Socket(*messages, END))
                return sockets[0]

            serving = asyncio.ensure_future(rig.serve(eager))
            while not (sockets and sockets[0].asked):
                await asyncio.sleep(0.001)
            for _ in range(50):
                await asyncio.sleep(0)
                await rig.http.on(asyncio.sleep(0))
            assert sockets[0].asked == 1, "one waits to be read, and no other is asked for"
            go_on.set()
            assert told(await serving)["code"] == 0
            assert got == messages

        on_a_rig(call)


def test_the_close_s_reason_is_cut_between_characters() -> None:
    status = Status(3, "BAD_CONFIG", "é" * 200)
    assert status.close_reason.endswith("é")
    assert REASON_BYTES_MAX - 2 <= len(status.close_reason.encode()) <= REASON_BYTES_MAX
