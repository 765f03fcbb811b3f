"""Room for who asks something else than events, and an end that waits for no dashboard."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from framesrv.observability.http import guard
from framesrv.observability.live import board
from tests.observability.helpers import dialled, get, serving
from tests.observability.sse import (
    board_of,
    deaf_reader,
    rest,
    told,
    until,
    watching,
)


class TestRoom:
    def test_there_is_room_for_who_asks_something_else(self) -> None:
        with serving() as server, ExitStack() as held:
            for _ in range(board.VIEWERS_MAX):
                assert told(held.enter_context(watching(server)), 1)
            for _ in range(10):
                answer = held.enter_context(watching(server))
                assert answer.status == 503
                assert answer.getheader("retry-after")
                assert b"/api/snapshot" in answer.read()
            assert get(server, "/metrics")[0] == get(server, "/healthz")[0] == 200

    def test_whoever_goes_makes_room(self) -> None:
        with serving() as server:
            for _ in range(board.VIEWERS_MAX + 5):
                with watching(server) as answer:
                    assert answer.status == 200
                assert until(lambda: board_of(server).viewers == 0)

    def test_connections_kept_for_later_do_not_keep_others_out(self) -> None:
        """As browsers keep them: a scraper comes in all the same."""
        with serving() as server, ExitStack() as held:
            for _ in range(guard.CONNECTIONS_MAX):
                line = held.enter_context(dialled(server))
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert line.recv(4096).startswith(b"HTTP/1.1 200")
            for _ in range(5):
                assert get(server, "/metrics")[0] == 200

    def test_a_snapshot_is_not_made_without_pause(self) -> None:
        """A tenth of the time at most: who asks more often waits."""
        with serving() as server, ExitStack() as held:
            lines = [held.enter_context(dialled(server)) for _ in range(8)]
            for line in lines:
                line.sendall(b"GET /api/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
            assert get(server, "/healthz")[0] == 200
            assert all(line.recv(100).startswith(b"HTTP/1.1 200") for line in lines)


class TestTheEnd:
    def test_the_server_waits_for_no_dashboard(self) -> None:
        with serving() as server, ExitStack() as held:
            answers = [held.enter_context(watching(server)) for _ in range(30)]
            deaf = [deaf_reader(held, server) for _ in range(10)]
            assert all(told(answer, 2) for answer in answers)
            server.stop()
            assert not server._thread.is_alive(), "it was not given up, but has ended"
            assert all(isinstance(rest(answer), list) for answer in answers), "each ends in order"
            assert deaf

    @pytest.mark.usefixtures("quick")
    def test_nobody_is_told_of_an_error(self, caplog: pytest.LogCaptureFixture) -> None:
        with serving() as server, ExitStack() as held:
            deaf_reader(held, server)
            assert until(lambda: board_of(server).viewers == 1)
            (line,) = (viewer._line for viewer in board_of(server)._viewers)
            stuck_bytes, answer = 0, held.enter_context(watching(server))
            while not stuck_bytes or line.unsent_bytes != stuck_bytes:
                stuck_bytes = line.unsent_bytes
                assert told(answer, 25)
            server.stop()
        assert [r for r in caplog.records if r.levelname in {"ERROR", "CRITICAL"}] == []
