"""Clients that would hold a WebSocket, or have it hold something: none can."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.events import Event

from framesrv.observability.http import guard, websocket
from framesrv.observability.http.server import HttpServer
from framesrv.observability.http.websocket import WebSocket
from tests.observability.helpers import dialled, get
from tests.observability.websockets import (
    BINARY,
    CLOSE,
    CONTINUATION,
    MAX_BYTES,
    PING,
    PONG,
    TEXT,
    Line,
    Served,
    close_frame,
    frame,
    handshake,
    line_to,
    serving_websockets,
    status,
    until,
)

TOKEN = "s3cret"  # noqa: S105 - of these tests


@pytest.fixture
def served() -> Served:
    return Served()


@pytest.fixture
def server(served: Served) -> Iterator[HttpServer]:
    with serving_websockets(served) as found:
        yield found


class TestHostileClients:
    @pytest.mark.parametrize(
        ("sent", "code"),
        [
            (frame(BINARY, bytes(MAX_BYTES + 1)), 1009),
            (frame(TEXT, b"x" * (MAX_BYTES + 1)), 1009),
            (b"".join([frame(BINARY, bytes(60_000), fin=False),
                       frame(CONTINUATION, bytes(60_000), fin=False)]), 1009),
            (b"\x82\xff" + b"\x7f" + b"\xff" * 7 + bytes(MAX_BYTES + 100), 1009),
            (frame(BINARY, fin=False) + frame(CONTINUATION, fin=False) * 5000, 1008),
            (frame(PING) * 200, 1008),
            (frame(PONG) * 200, 1008),
            (frame(BINARY, b"x", mask=False), 1002),
            (frame(3, b"x"), 1002),
            (frame(BINARY, b"x")[:1].replace(b"\x82", b"\xc2") + frame(BINARY, b"x")[1:], 1002),
            (frame(CONTINUATION, b"x"), 1002),
            (frame(PING, b"x" * 126), 1002),
            (frame(PING, b"x", fin=False), 1002),
            (frame(TEXT, b"\xff\xfe"), 1007),
            (frame(CLOSE, b"x"), 1002),
            (close_frame(1005), 1002),
            (close_frame(1000, b"\xff"), 1007),
        ],
    )  # fmt: skip
    def test_what_is_no_message_of_ours_ends_it(
        self,
        server: HttpServer,
        served: Served,
        monkeypatch: pytest.MonkeyPatch,
        sent: bytes,
        code: int,
    ) -> None:
        monkeypatch.setattr(websocket, "FIRST_S_MAX", 600.0)
        with line_to(server) as line:
            try:
                line.send(sent)
                assert line.closed()[0] == code
            except ConnectionError:
                pass  # cut off while it was still talking
            line.raw.shutdown(socket.SHUT_WR)
            assert line.is_cut_off()
        until(lambda: served.ended == 1)
        assert get(server, "/healthz")[0] == 200

    def test_noise(self, server: HttpServer, served: Served) -> None:
        @settings(max_examples=40)
        @given(noise=st.binary(min_size=1, max_size=400))
        def one(noise: bytes) -> None:
            with line_to(server) as line:
                line.send(noise)
                line.raw.shutdown(socket.SHUT_WR)
                assert line.is_cut_off()

        one()
        until(lambda: served.ended == len(served.sockets))

    def test_one_that_says_nothing(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "FIRST_S_MAX", 0.1)
        with line_to(server) as line:
            assert line.closed() == (1008, "no message came")

    def test_one_that_answers_no_ping(
        self, server: HttpServer, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "PULSE_S", 0.1)
        with line_to(server) as line:
            line.send(frame(BINARY, b"x"))
            assert line.is_cut_off()
        until(lambda: served.ended == 1)

    def test_one_that_answers_lives(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "PULSE_S", 0.05)
        with line_to(server) as line:
            line.send(frame(BINARY, b"x"))
            assert line.next() == (BINARY, b"x")
            for _ in range(websocket.CONTROLS_MAX + 10):
                opcode, data = line.next()
                assert opcode == PING
                line.send(frame(PONG, data))
            line.send(frame(BINARY, b"y"))
            while (got := line.next())[0] == PING:
                line.send(frame(PONG, got[1]))
            assert got == (BINARY, b"y")

    def test_one_that_the_server_does_not_listen_to_is_not_given_up(
        self, server: HttpServer, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its answers to pings lie behind what nobody reads."""
        monkeypatch.setattr(websocket, "PULSE_S", 0.05)
        with line_to(server, "/ws/deaf") as line:
            line.send(frame(BINARY, b"x"))
            for _ in range(5):
                opcode, data = line.next()
                assert opcode == PING
                line.send(frame(PONG, data))
            assert not served.ended

    def test_one_that_does_not_read(
        self, server: HttpServer, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "PULSE_S", 0.2)
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(20)
            raw.connect((server.address.host, server.address.port))
            line = Line(raw)
            line.send(handshake("/ws/flood"), frame(BINARY, b"x"))
            until(lambda: served.sockets)
            (found,) = served.sockets
            most = 0
            while not served.ended:
                most = max(most, found.transport.get_write_buffer_size())
            assert most < 200_000, "one message, and what the system has not taken of another"
            assert line.is_cut_off()

    def test_pings_that_are_not_read_pile_up_nothing(
        self, server: HttpServer, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "CONTROLS_MAX", 10**9)
        monkeypatch.setattr(websocket, "PULSE_S", 600.0)
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.settimeout(20)
            raw.connect((server.address.host, server.address.port))
            raw.sendall(handshake() + frame(PING, bytes(125)) * 20_000)
            until(lambda: served.sockets)
            (found,) = served.sockets
            written = -1
            while written != found._written:  # until it stands still
                written = found._written
                get(server, "/healthz")
            assert found.transport.get_write_buffer_size() < 80_000

    def test_what_nobody_asks_for_is_not_taken(self, server: HttpServer, served: Served) -> None:
        sent = 0
        with line_to(server, "/ws/deaf") as line:
            line.raw.setblocking(False)
            data = frame(BINARY, bytes(50_000))
            for _ in range(1000):
                try:
                    sent += line.raw.send(data)
                except BlockingIOError:
                    break
                get(server, "/healthz")
            (found,) = served.sockets
            assert len(found._conn._proto._frame_decoder.buffer) < 600_000
            assert found._whole is None
            assert sent < 40_000_000, "it is taken without end"

    def test_there_are_only_so_many_and_they_take_no_room_from_others(
        self, server: HttpServer, served: Served
    ) -> None:
        with ExitStack() as held:
            for _ in range(websocket.OPEN_MAX):
                line = held.enter_context(line_to(server))
                line.send(frame(BINARY, b"x"))
                line.next()
            with dialled(server) as raw:
                one_more = Line(raw)
                one_more.send(handshake())
                assert status(one_more.head()) == 503
            for _ in range(guard.CONNECTIONS_MAX - 5):
                held.enter_context(dialled(server))
            assert get(server, "/healthz")[0] == 200
            assert served.ended == 0
        until(lambda: served.ended == websocket.OPEN_MAX)
        with line_to(server):
            pass

    def test_many_small_frames_let_others_have_their_turn(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each is slow to read: a chunk of them would keep all others waiting for a second."""
        turns, take = [0], WebSocket._take
        parse = WebSocket._parse

        def counted(found: WebSocket, event: Event) -> None:
            turns[-1] += 1
            take(found, event)

        def parsed(found: WebSocket) -> None:
            turns.append(0)
            parse(found)

        monkeypatch.setattr(WebSocket, "_take", counted)
        monkeypatch.setattr(WebSocket, "_parse", parsed)
        with line_to(server) as line:
            line.send(frame(BINARY, b"a", fin=False), frame(CONTINUATION, fin=False) * 3000)
            line.send(frame(CONTINUATION, b"b"))
            assert line.next() == (BINARY, b"ab")
        assert sum(turns) >= 3002
        assert max(turns) == websocket.FRAMES_A_TURN
