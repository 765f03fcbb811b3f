"""The WebSocket: who gets one, what it takes and gives, and who cannot hold it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesrv.observability.http import websocket
from framesrv.observability.http.server import HttpServer
from tests.observability.helpers import ask, dialled, get
from tests.observability.websockets import (
    BINARY,
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


class TestHandshake:
    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({"Upgrade": ""}, 426),
            ({"Connection": "close"}, 426),
            ({"Upgrade": "h2c"}, 426),
            ({"Sec_WebSocket_Version": "8"}, 426),
            ({"Sec_WebSocket_Version": ""}, 426),
            ({"Sec_WebSocket_Key": ""}, 400),
            ({"Sec_WebSocket_Key": "c2hvcnQ="}, 400),
            ({"Sec_WebSocket_Key": "?" * 24}, 400),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "https://localhost"}, 403),
            ({"Origin": "http://localhost:1"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "websocket"}, 403),
            ({"Host": "evil.example"}, 421),
        ],
    )
    def test_what_is_refused(
        self, server: HttpServer, served: Served, headers: dict[str, str], expected: int
    ) -> None:
        with dialled(server) as raw:
            line = Line(raw)
            line.send(handshake(**headers))
            assert status(line.head()) == expected
        assert not served.sockets

    def test_a_page_of_ours_may(self, server: HttpServer) -> None:
        with dialled(server) as raw:
            line = Line(raw)
            line.send(handshake(Origin="http://localhost", Sec_Fetch_Site="same-origin"))
            assert status(line.head()) == 101

    def test_another_path_another_method_and_a_body(self, server: HttpServer) -> None:
        for request, expected in (
            (handshake("/ws/nothing"), 404),
            (handshake().replace(b"GET", b"HEAD"), 426),
            (handshake().replace(b"GET", b"POST"), 405),
            (handshake(Content_Length="5"), 426),
            (handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 426),
        ):
            with dialled(server) as raw:
                line = Line(raw)
                line.send(request)
                assert status(line.head()) == expected, request

    def test_who_has_the_token(self) -> None:
        with serving_websockets(token=TOKEN) as server:
            for headers, expected in (
                ({}, 401),
                ({"Authorization": "Bearer wrong"}, 401),
                ({"Authorization": f"Bearer {TOKEN}"}, 101),
            ):
                with dialled(server) as raw:
                    line = Line(raw)
                    line.send(handshake(**headers))
                    assert status(line.head()) == expected

    def test_a_page_that_was_not_let_in_is_told_why_in_http(
        self, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("framesrv.observability.http.upgrade.OPEN_MAX", 1)
        assert get(server, "/ws/echo")[0] == 426
        with line_to(server):
            assert get(server, "/ws/echo")[0] == 503

    def test_pages_have_the_camera_for_themselves_and_no_other_has(
        self, server: HttpServer
    ) -> None:
        close = b"Host: localhost\r\nConnection: close\r\n\r\n"
        camera = ask(server, b"GET /camera HTTP/1.1\r\n" + close)
        watch = ask(server, b"GET /watch?stream=a HTTP/1.1\r\n" + close)
        assert (status(camera), status(watch)) == (200, 200)
        assert b"\r\npermissions-policy: camera=(self)\r\n" in camera
        assert b"\r\npermissions-policy: camera=()," in watch
        for page in (camera, watch):
            assert page.count(b"\r\npermissions-policy:") == 1
            assert b"\r\ncontent-security-policy: default-src 'none'; script-src 'self'" in page


class TestMessages:
    def test_it_echoes_all_sizes_and_kinds(self, server: HttpServer) -> None:
        with line_to(server) as line:
            for size in (0, 1, 125, 126, 65535, 65536, MAX_BYTES):
                data = bytes(range(256)) * (size // 256 + 1)
                line.send(frame(BINARY, data[:size]))
                assert line.next() == (BINARY, data[:size])
            line.send(frame(TEXT, "grüß dich".encode()))
            assert line.next() == (TEXT, "grüß dich".encode())
            line.send(frame(TEXT))
            assert line.next() == (TEXT, b"")

    def test_fragments_with_a_ping_between(self, server: HttpServer) -> None:
        with line_to(server) as line:
            line.send(frame(BINARY, b"ab", fin=False), frame(PING, b"there?"))
            assert line.next() == (PONG, b"there?")
            line.send(frame(CONTINUATION, b"", fin=False), frame(CONTINUATION, b"cd"))
            assert line.next() == (BINARY, b"abcd")

    def test_what_came_with_the_handshake_is_not_lost(self, server: HttpServer) -> None:
        messages = [bytes([number % 256]) * 3 for number in range(300)]  # more than one turn's
        with line_to(server, data=b"".join(frame(BINARY, each) for each in messages)) as line:
            assert [line.next() for _ in messages] == [(BINARY, each) for each in messages]

    @settings(max_examples=20)
    @given(
        messages=st.lists(st.binary(max_size=300), min_size=1, max_size=8),
        cuts=st.lists(st.integers(1, 40), min_size=1, max_size=8),
    )
    def test_however_it_is_cut(self, messages: list[bytes], cuts: list[int]) -> None:
        sent = b"".join(frame(BINARY, each) for each in messages)
        with line_to(shared()) as line:
            at = number = 0
            while at < len(sent):
                cut = cuts[number % len(cuts)] if number < 20 else len(sent)
                line.send(sent[at : at + cut])
                at, number = at + cut, number + 1
            assert [line.next() for _ in messages] == [(BINARY, each) for each in messages]

    def test_a_close_of_the_client(self, server: HttpServer, served: Served) -> None:
        with line_to(server) as line:
            line.send(frame(BINARY, b"x"))
            line.next()
            line.send(close_frame(1000, b"enough"))
            assert line.closed() == (1000, "enough")
            assert line.is_cut_off()
        until(lambda: served.ended == 1)

    def test_a_close_of_the_server_waits_for_the_client(
        self, server: HttpServer, served: Served
    ) -> None:
        with line_to(server, "/ws/farewell") as line:
            line.send(frame(BINARY, b"x"), frame(BINARY, b"more"), frame(PING))
            assert line.next() == (TEXT, b"good bye")
            assert line.closed() == (4003, "enough")
            assert served.ended == 0
            line.send(frame(BINARY, bytes(1000)), close_frame(4003))
            assert line.is_cut_off()
        until(lambda: served.ended == 1)


_shared: list[HttpServer] = []


@pytest.fixture(autouse=True, scope="module")
def _one_for_many() -> Iterator[None]:
    with serving_websockets() as found:
        _shared.append(found)
        yield
        _shared.clear()


def shared() -> HttpServer:
    """Hypothesis wants no fixture of its own for each example."""
    return _shared[0]


class TestEnd:
    def test_the_server_stops(self, served: Served) -> None:
        with serving_websockets(served) as server, line_to(server) as line:
            line.send(frame(BINARY, b"x"))
            assert line.next() == (BINARY, b"x")
            server.stop()
            assert line.closed() == (1001, "the server stops")
            assert line.is_cut_off()
        assert served.ended == 1

    def test_it_waits_for_nobody_who_does_not_read(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        with serving_websockets(served) as server, line_to(server, "/ws/flood") as line:
            line.send(frame(BINARY, b"x"))
            until(lambda: served.sockets and not served.sockets[0]._writable.is_set())
            server.stop()
            assert served.ended == 1
        assert not [line for line in caplog.records if line.levelname == "ERROR"]

    def test_a_close_that_is_not_answered_is_not_waited_for(
        self, served: Served, server: HttpServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(websocket, "CLOSE_S_MAX", 0.05)
        with line_to(server, "/ws/farewell") as line:
            line.send(frame(BINARY, b"x"))
            assert line.closed() == (4003, "enough")
            until(lambda: served.ended == 1)

    def test_a_client_that_is_gone(self, served: Served, server: HttpServer) -> None:
        with line_to(server) as line:
            line.send(frame(BINARY, b"x"))
            line.next()
        until(lambda: served.ended == 1)


def test_off_it_says_how_to_turn_it_on() -> None:
    from tests.observability.helpers import serving

    with serving() as server:
        for path in ("/ws/process", "/ws/subscribe", "/watch", "/camera"):
            code, text = get(server, path)
            assert code == 404
            assert "--websocket" in text
