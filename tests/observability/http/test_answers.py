"""Open dashboards: what they are told, and those of them that are slow, hostile or dead."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from framesrv.observability.http import guard
from framesrv.observability.live import board, history
from framesrv.observability.readiness import Readiness
from framesrv.pool import ByteArrayPool
from tests.observability.certificates import certificate
from tests.observability.helpers import dialled, everything, get, serving
from tests.observability.sse import (
    ASK,
    board_of,
    deaf_reader,
    next_event,
    small_line,
    told,
    until,
    watching,
)


class TestTold:
    def test_the_past_first_and_then_each_second(self) -> None:
        with serving() as server, watching(server) as answer:
            assert answer.getheader("content-type") == "text/event-stream"
            assert answer.getheader("cache-control") == "no-store"
            assert answer.readline() == b"retry: 1000\n"
            past, first, second = next_event(answer), next_event(answer), next_event(answer)
        assert past is not None
        assert first is not None
        assert second is not None
        assert [event.kind for event in (past, first, second)] == ["history"] + 2 * ["snapshot"]
        assert list(past.data) == ["points"]
        assert first.data["every_ms"] == 1000
        assert first.number < second.number
        assert second.data["point"]["at_ms"] == second.data["at_ms"]

    @pytest.mark.usefixtures("quick")
    def test_all_are_told_the_same(self) -> None:
        with serving() as server, ExitStack() as open_now:
            answers = [open_now.enter_context(watching(server)) for _ in range(50)]
            # Those that came first have read enough when those that came last begin.
            last = None
            seen: dict[int, list[Any]] = {}
            for answer in reversed(answers):
                event = next_event(answer)
                while event is not None and (last is None or event.number <= last):
                    last = last or event.number + 10
                    if event.kind == "snapshot":
                        seen.setdefault(event.number, []).append(event.data)
                    event = next_event(answer)
            assert max(map(len, seen.values())) == len(answers), "some were told to all"
            assert all(data == told[0] for told in seen.values() for data in told)
            assert get(server, "/metrics")[0] == 200

    def test_a_snapshot_is_what_the_events_tell(self) -> None:
        with serving() as server, watching(server) as answer:
            once = json.loads(get(server, "/api/snapshot")[1])
            next_event(answer)
            event = next_event(answer)
        assert event is not None
        assert set(once) == set(event.data)
        assert once["server"] == event.data["server"]
        assert once["totals"] == event.data["totals"]

    def test_it_is_told_at_once_when_the_server_drains(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(board, "EVERY_S", 600.0)
        readiness = Readiness()
        with serving(readiness) as server, watching(server) as answer:
            told(answer, 2)
            states = []
            for change in (
                readiness.ready,
                lambda: readiness.not_ready("draining"),
                lambda: readiness.not_ready("stopped"),
            ):
                change()
                event = next_event(answer)
                states.append(event and event.data["server"]["state"])
        assert states == ["ready", "draining", "stopped"]

    @pytest.mark.usefixtures("quick")
    def test_nothing_is_put_together_for_nobody(self) -> None:
        pool = ByteArrayPool("json", initial_bytes=4096, capacity=1)
        with serving(json_pool=pool) as server:
            with watching(server) as answer:
                assert told(answer, 5)
            assert until(lambda: not board_of(server).viewers)
            gets = pool.stats().gets
            assert gets >= 5
            points = board_of(server)._history.points
            newest = points[-1]
            assert until(lambda: points[-1]["at_ms"] > newest["at_ms"] + 60)
            assert pool.stats().gets == gets
            assert (pool.stats().leased, pool.stats().misses) == (0, 0)

    def test_asked_what_it_would_answer_it_does_not_go_on(self) -> None:
        with serving() as server:
            line = HTTPConnection(server.address.host, server.address.port, timeout=20)
            line.request("HEAD", "/api/events")
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (200, b"")
            line.request("GET", "/healthz")
            assert line.getresponse().read() == b"ok\n"
            line.close()


class TestHostile:
    @pytest.mark.usefixtures("quick")
    def test_who_never_reads_is_cut_off_and_the_others_hear_all(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.5)
        with serving() as server, ExitStack() as held:
            deaf = [deaf_reader(held, server) for _ in range(20)]
            listening = [held.enter_context(watching(server)) for _ in range(20)]
            numbers = []
            while board_of(server).viewers > len(listening):
                event = next_event(listening[0])
                assert event is not None
                numbers.append(event.number)
            assert all(told(answer, 50) for answer in listening[1:])
            assert numbers[1:] == list(range(numbers[1], numbers[1] + len(numbers) - 1)), "in order"
            # What was kept for them is what they had room for, and one event.
            assert all(0 < len(everything(line)) < 4 * 1024 * 1024 for line in deaf)

    @pytest.mark.usefixtures("quick")
    def test_so_it_is_under_tls(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.5)
        cert, key = certificate(tmp_path)
        trusting = ssl.create_default_context(cafile=cert)
        with serving(tls=(cert, key)) as server, ExitStack() as held:
            plain = small_line(held, server)
            deaf = held.enter_context(trusting.wrap_socket(plain, server_hostname="127.0.0.1"))
            deaf.sendall(ASK)
            assert until(lambda: board_of(server).viewers == 1)
            assert until(lambda: board_of(server).viewers == 0)

    @pytest.mark.usefixtures("quick")
    def test_what_there_was_no_room_for_is_not_sent_later(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 600.0)
        with serving() as server, ExitStack() as held:
            slow = deaf_reader(held, server)
            assert until(lambda: board_of(server).viewers == 1)
            (line,) = (viewer._line for viewer in board_of(server)._viewers)
            newest = held.enter_context(watching(server))
            stuck_bytes = 0
            while not stuck_bytes or line.unsent_bytes != stuck_bytes:  # the system takes some more
                stuck_bytes = line.unsent_bytes
                assert told(newest, 25)
            assert told(newest, 100)
            assert line.unsent_bytes == stuck_bytes, "it does not add up"
            assert stuck_bytes < 16 * 1024, "one event, of which some may have gone out"
            # Now it reads: what it had room for, then the newest, and none of those between.
            numbers: list[int] = []
            with slow.makefile("rb") as answer:
                while not numbers or numbers[-1] - numbers[-2:][0] < 50:
                    if (text := answer.readline()).startswith(b"id: "):
                        numbers.append(int(text[4:]))
            assert numbers == sorted(numbers)

    @pytest.mark.usefixtures("quick")
    @pytest.mark.parametrize("how", ["closes", "resets", "half-closes"])
    def test_who_dies_in_the_middle_is_forgotten(self, how: str) -> None:
        with serving() as server, watching(server) as other, ExitStack() as held:
            lines = [held.enter_context(dialled(server)) for _ in range(20)]
            for line in lines:
                line.sendall(ASK)
                assert line.recv(100)
            for line in lines:
                if how == "half-closes":
                    line.shutdown(socket.SHUT_WR)
                    continue
                if how == "resets":
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                line.close()
            assert until(lambda: board_of(server).viewers == 1)
            assert told(other, 10)

    @pytest.mark.usefixtures("quick")
    def test_a_second_request_behind_it_changes_nothing(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        junk = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
        with serving() as server, watching(server) as other:
            for behind in (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50, junk, b"\x00" * 4096):
                with dialled(server) as line:
                    line.sendall(ASK + behind)
                    assert line.recv(100)
                    assert told(other, 5)
            asked_in_parts = ASK.replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n")
            with dialled(server) as line:
                line.sendall(asked_in_parts + b"2\r\nab\r\n")
                assert line.recv(100)
                line.sendall(b"no chunk\r\n" * 100)
                everything(line)
            assert told(other, 5)
        assert [r for r in caplog.records if r.levelname in {"ERROR", "CRITICAL"}] == []


def test_a_point_a_second_and_no_more() -> None:
    assert history.EVERY_S == 1.0
