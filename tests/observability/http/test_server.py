"""The HTTP listener: what it answers, who may ask, and those who would hold it."""

from __future__ import annotations

import socket
import ssl
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from framesrv.errors import BadConfig
from framesrv.observability.http import guard
from framesrv.observability.http.app import Services
from framesrv.observability.http.server import HttpServer
from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.metrics.scrape import registry
from framesrv.observability.readiness import Readiness
from framesrv.pool import PoolManager
from tests.observability.certificates import certificate
from tests.observability.helpers import (
    dialled,
    everything,
    get,
    listening,
    serving,
    watched,
)

SERVICES = Services(readiness=Readiness(), metrics=registry(watched(PoolManager(1 << 24))))


class TestAnswers:
    def test_readiness_in_its_three_states(self) -> None:
        readiness = Readiness()
        with serving(readiness) as server:
            assert get(server, "/readyz") == (503, "not ready: starting\n")
            readiness.ready()
            assert get(server, "/readyz") == (200, "ready\n")
            readiness.not_ready("draining")
            assert get(server, "/readyz") == (503, "not ready: draining\n")
            assert get(server, "/healthz") == (200, "ok\n")

    def test_metrics_in_both_formats(self) -> None:
        with serving() as server:
            plain = get(server, "/metrics")[1]
            accept = "application/openmetrics-text; version=1.0.0"
            strict = get(server, "/metrics", Accept=accept)[1]
        assert "# TYPE framesrv_pool_hits_total counter" in plain
        assert strict.endswith("# EOF\n")

    def test_what_is_not_there(self) -> None:
        with serving() as server:
            status, text = get(server, "/nothing")
            assert status == 404
            assert "/metrics" in text
            assert "/api/snapshot" in text

    def test_without_a_board_there_is_no_dashboard(self) -> None:
        with listening(SERVICES) as server:
            status, text = get(server, "/")
            assert (status, "/metrics" in text, "/api" in text) == (404, True, False)

    def test_only_reading(self) -> None:
        with serving() as server, dialled(server) as line:
            line.sendall(
                b"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            answer = everything(line)
        assert answer.startswith(b"HTTP/1.1 405")
        assert b"\r\nallow: GET, HEAD\r\n" in answer


class TestToken:
    def test_all_but_the_probes_ask_for_it(self) -> None:
        with serving(token="s3cret") as server:  # noqa: S106 - of this test
            assert get(server, "/healthz")[0] == 200
            assert get(server, "/readyz")[0] == 503
            assert get(server, "/metrics")[0] == 401
            assert get(server, "/healthz/../metrics")[0] == 401
            assert get(server, "/metrics", Authorization="Bearer s3cre")[0] == 401
            assert get(server, "/metrics", Authorization="Basic s3cret")[0] == 401
            assert get(server, "/metrics", Authorization="Bearer s3cret")[0] == 200


class TestListening:
    def test_a_port_in_use(self) -> None:
        with serving() as server:
            other = HttpServer(server.address, SERVICES)
            with pytest.raises(BadConfig, match=r"cannot listen on .* in use; choose another"):
                other.start()
            other.stop()

    def test_a_name_that_nobody_knows(self) -> None:
        other = HttpServer(HttpAddress("no-such-host.invalid", 0), SERVICES)
        with pytest.raises(BadConfig, match=r"cannot listen on no-such-host.invalid:0 for HTTP"):
            other.start()

    def test_the_port_is_free_again_after_a_stop(self) -> None:
        with serving() as server:
            address = server.address
        again = HttpServer(address, SERVICES)
        again.start()
        again.stop()

    def test_the_port_is_not_shared(self) -> None:
        with serving() as server, socket.socket() as rival:
            rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError, match="in use"):
                rival.bind((server.address.host, server.address.port))

    def test_tls(self, tmp_path: Path) -> None:
        cert, key = certificate(tmp_path)
        trusting = ssl.create_default_context(cafile=cert)
        with serving(tls=(cert, key)) as server:
            url = f"https://{server.address}/healthz"
            with urllib.request.urlopen(url, timeout=10, context=trusting) as answer:
                assert answer.read() == b"ok\n"


class TestHostileClients:
    def test_a_request_that_trickles_in_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.2)
        with serving() as server, dialled(server) as line:
            line.sendall(b"GET /metrics HTTP/1.1\r\nHost:")
            assert gone(line)

    def test_so_is_one_that_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.2)
        with serving() as server, dialled(server) as line:
            assert gone(line)

    @pytest.mark.unmeasured
    def test_and_one_that_does_not_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.5)
        monkeypatch.setattr(guard, "LINES_MAX", 10_000_000)
        with serving() as server, socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.settimeout(20)
            line.connect((server.address.host, server.address.port))
            asked = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with pytest.raises(OSError):  # noqa: PT011 - reset, broken pipe, as it falls
                line.sendall(asked * 1_000_000)
            assert get(server, "/healthz")[0] == 200

    def test_a_head_without_end(self) -> None:
        with serving() as server, dialled(server) as line:
            line.sendall(b"GET /metrics HTTP/1.1\r\n")
            try:
                for _ in range(1000):
                    line.sendall(b"X-Long: " + b"x" * 1000 + b"\r\n")
                assert line.recv(4096).startswith(b"HTTP/1.1 431")
            except OSError:
                pass  # cut off while it was still talking
            assert get(server, "/healthz")[0] == 200

    @pytest.mark.parametrize(
        "asked",
        [b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * guard.LINES_MAX + b"\r\n",
         b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
         + b"1\r\na\r\n" * guard.LINES_MAX],
        ids=["headers", "chunks"],
    )  # fmt: skip
    def test_one_of_many_lines_is_not_read(
        self, asked: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are slow to read, and who asks meanwhile would wait for seconds."""
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 600.0)
        with serving() as server, dialled(server) as line:
            line.sendall(asked)
            assert b"HTTP/1.1 200" not in everything(line)

    def test_nor_one_whose_lines_come_one_by_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 600.0)
        with serving() as server, dialled(server) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
            with suppress(ConnectionError):
                for _ in range(guard.LINES_MAX):
                    line.sendall(b"a:\r\n")
            assert gone(line)

    @pytest.mark.unmeasured
    def test_many_requests_of_a_connection_may_have_as_many_lines(self) -> None:
        with serving() as server, closing(HTTPConnection(str(server.address), timeout=20)) as line:
            for _ in range(guard.LINES_MAX):
                line.request("GET", "/healthz")
                assert line.getresponse().read() == b"ok\n"

    def test_there_are_only_so_many_at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """For one more, the one goes that has been waited for the longest."""
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 600.0)
        with serving() as server, ExitStack() as held:
            lines = [held.enter_context(dialled(server)) for _ in range(guard.CONNECTIONS_MAX + 1)]
            assert gone(lines[0])
            lines[1].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert lines[1].recv(4096).startswith(b"HTTP/1.1 200")

    @pytest.mark.parametrize(
        "half",
        [b"", b"GET /metrics HTTP/1.1\r\nHost:",
         (b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
          b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntok")],
        ids=["silent", "half a head", "half a body"],
    )  # fmt: skip
    def test_whoever_is_waited_for_keeps_nobody_out(
        self, half: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 600.0)
        with serving(token="s3cret") as server, ExitStack() as held:  # noqa: S106 - of this test
            for _ in range(2 * guard.CONNECTIONS_MAX):
                held.enter_context(dialled(server)).sendall(half)
            for _ in range(5):
                assert get(server, "/metrics", Authorization="Bearer s3cret")[0] == 200

    def test_many_connections_leave_room_when_they_go(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.5)
        with serving() as server, ExitStack() as held:
            lines = [held.enter_context(dialled(server)) for _ in range(3 * guard.CONNECTIONS_MAX)]
            assert all(gone(line) for line in lines)
            assert get(server, "/healthz")[0] == 200

    def test_nobody_is_named_in_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        with serving() as server:
            for noise in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\nno header\r\n\r\n"):
                with dialled(server) as line:
                    line.sendall(noise)
                    gone(line)
        assert [r for r in caplog.records if r.levelname in ("ERROR", "CRITICAL")] == []


def gone(line: socket.socket) -> bool:
    """Whether the other end closes the connection, after whatever it says."""
    try:
        while line.recv(65536):
            pass
    except ConnectionError:
        return True
    return True


def test_scraping_without_pause_leaves_most_of_the_time_to_others() -> None:
    """Reading takes a tenth at most: after each scrape the next one waits."""
    took: list[float] = []

    class Slow(Collector):
        def describe(self) -> Iterable[Metric]:
            return ()

        def collect(self) -> Iterator[Metric]:
            begun = perf_counter()
            yield from ()
            while perf_counter() - begun < 0.01:
                pass
            took.append(perf_counter() - begun)

    slow = CollectorRegistry()
    slow.register(Slow())
    with listening(Services(readiness=Readiness(), metrics=slow)) as server:
        begun = perf_counter()
        assert {get(server, "/metrics")[0] for _ in range(4)} == {200}
        assert perf_counter() - begun > 9 * sum(took[:3])
