"""Who is let in, and how the others are refused."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framesrv.observability.http.doors import Doors, name_of
from framesrv.observability.http.headers import HEAD_BYTES_MAX
from framesrv.observability.http.server import HttpServer
from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.refusals import EVENT
from tests.observability.helpers import ask, dialled, everything, get, serving

# Requests that were cut up and put together again, and what is none at all.
_PARTS = (
    b"GET ", b"POST ", b"/ ", b"/metrics ", b"/api/events ", b"/login ", b"HTTP/1.1", b"HTTP/1.0",
    b"\r\n", b"\r\n\r\n", b"Host: localhost\r\n", b"Content-Length: 7\r\n", b"Expect: 100-continue",
    b"Transfer-Encoding: chunked\r\n", b"5\r\n", b"0\r\n\r\n", b"Connection: upgrade\r\n", b"x",
    b"Upgrade: websocket\r\n", b"Content-Type: application/x-www-form-urlencoded\r\n", b"token=",
)  # fmt: skip
JUNK = st.binary(max_size=300) | st.lists(
    st.sampled_from(_PARTS) | st.binary(max_size=5), max_size=30
).map(b"".join)


def request(target: str = "/metrics", method: str = "GET", **headers: str) -> bytes:
    given = {"Host": "localhost", "Connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in given.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def asked(server: HttpServer, target: str = "/metrics", method: str = "GET", **headers: str) -> int:
    return status(ask(server, request(target, method, **headers)))


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    with serving(hosts=("cam.example",)) as found:
        yield found


class TestHost:
    @pytest.mark.parametrize(
        "host",
        ["localhost", "LocalHost:9464", "localhost.", "127.0.0.1:1", "[::1]", "[::1]:80",
         "10.1.2.3", "cam.example", "CAM.example:8080"],
    )  # fmt: skip
    def test_names_that_lead_here(self, server: HttpServer, host: str) -> None:
        assert asked(server, Host=host) == 200

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "evil.example:9464", "localhost.evil.example", "127.0.0.1.evil.example",
         "xlocalhost", "", "[::1", "::1]", "[::1]evil.example", "[::1]:80:80",
         "localhost:x", "[evil]", "cam.example.evil", "a" * 500, "é.example",
         "evil.example@localhost", "localhost@evil", "1.2.3", "0x7f000001.evil"],
    )  # fmt: skip
    def test_names_that_were_made_to_lead_here(self, server: HttpServer, host: str) -> None:
        answer = ask(server, request(Host=host))
        assert status(answer) == 421
        assert b"http.hosts" in answer
        assert len(answer) < 2000
        assert asked(server, "/healthz", Host=host) == 200, "probes may come by any name"

    def test_without_one(self, server: HttpServer) -> None:
        assert status(ask(server, b"GET /metrics HTTP/1.1\r\n\r\n")) == 400
        assert status(ask(server, b"GET /metrics HTTP/1.0\r\n\r\n")) == 200
        two = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"
        assert status(ask(server, two)) == 400

    def test_with_a_token_any_name_will_do(self) -> None:
        """A page of that name has neither the token nor a cookie of ours."""
        with serving(token="s3cret") as server:  # noqa: S106 - of this test
            assert asked(server, Host="evil.example") == 401
            assert asked(server, Host="cam.example", Authorization="Bearer s3cret") == 200

    @given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
    def test_no_text_is_too_strange_to_be_looked_at(self, host: str) -> None:
        assert isinstance(name_of(host), str)


class TestOrigin:
    @pytest.mark.parametrize("path", ["/metrics", "/api/snapshot", "/healthz"])
    def test_our_own_pages(self, server: HttpServer, path: str) -> None:
        host = str(server.address)
        assert asked(server, path, Host=host, Origin=f"http://{host}") == 200
        assert asked(server, path, Host="LOCALHOST", Origin="http://localhost:80") == 200

    @pytest.mark.parametrize(
        "origin",
        ["null", "", "http://evil.example", "http://localhost:1", "https://localhost",
         "http://localhost.evil", "http://localhost@evil", "file://", "http://", "\x80"],
    )  # fmt: skip
    def test_other_pages(self, server: HttpServer, origin: str) -> None:
        for path in ("/metrics", "/api/events", "/healthz", "/"):
            assert asked(server, path, Origin=origin) == 403
        assert asked(server, "/login", "POST", Origin=origin) == 403

    def test_a_proxy_that_speaks_tls_is_named(self, server: HttpServer) -> None:
        assert asked(server, Host="cam.example", Origin="https://cam.example") == 200
        assert asked(server, Host="cam.example", Origin="https://evil.example") == 403
        assert asked(server, Host="cam.example", Origin="ftp://cam.example") == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "junk"])
    def test_what_another_page_asks_without_saying_who_it_is(
        self, server: HttpServer, site: str
    ) -> None:
        """A picture or a script of ours in another page: the browser sends no Origin for it."""
        for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
            sent = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": dest}
            assert asked(server, "/api/events", **sent) == 403
        link = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate"}
        assert asked(server, "/", **link, Sec_Fetch_Dest="document") == 200
        assert asked(server, "/", Sec_Fetch_Site="same-origin") == 200


class TestMethods:
    @pytest.mark.parametrize(
        "method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X"]
    )
    @pytest.mark.parametrize("path", ["/", "/metrics", "/api/snapshot", "/static/main.js"])
    def test_only_reading(self, server: HttpServer, method: str, path: str) -> None:
        answer = ask(server, request(path, method, Content_Length="0"))
        assert status(answer) == 405
        assert b"\r\nallow: GET, HEAD\r\n" in answer

    @pytest.mark.parametrize(
        "path", ["/", "/metrics", "/api/snapshot", "/api/config", "/healthz", "/static/main.js"]
    )
    def test_head_is_the_head_of_get(self, server: HttpServer, path: str) -> None:
        with dialled(server) as line:
            line.sendall(request(path, "HEAD"))
            head = everything(line)
        whole = ask(server, request(path))
        assert head.endswith(b"\r\n\r\n")
        names = [
            re.findall(rb"\r\n([a-z-]+):", each.partition(b"\r\n\r\n")[0]) for each in (head, whole)
        ]
        assert names[0] == names[1]
        assert status(head) == status(whole) == 200

    def test_one_after_the_other_on_one_connection(self, server: HttpServer) -> None:
        paths = ("/healthz", "/nothing", "/metrics", "/static/main.js", "/api/snapshot")
        goes_on = [request(path).replace(b"Connection: close\r\n", b"") for path in paths]
        answer = ask(server, b"".join([*goes_on, request("/healthz")]))
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [
            b"200", b"404", b"200", b"200", b"200", b"200",
        ]  # fmt: skip


class TestPaths:
    @pytest.mark.parametrize(
        "target",
        ["/../pyproject.toml", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
         "/static//etc/passwd", "/static/%2Fetc%2Fpasswd", "/static/main.js%00", "/static/",
         "/static/main.js/", "/static/..\\app.py", "/%ff%fe", "/static/%ff", "/\x7f", "/a" * 2000,
         "*", "http://evil.example/metrics", "//metrics", "/metrics;x", "/api", "/api/", "/login/x",
         "/api/streams/%00/preview", "/api/streams/%ff%ff/preview", "/api/streams//preview"],
    )  # fmt: skip
    def test_what_is_not_there(self, server: HttpServer, target: str) -> None:
        answer = ask(server, request(target))
        assert status(answer) in {400, 404}
        assert b"import" not in answer
        assert b"root:" not in answer
        if status(answer) == 404 and not target.startswith("/api/streams"):
            assert b"there is / (the dashboard), /api/snapshot" in answer

    def test_the_page_and_its_parts(self, server: HttpServer) -> None:
        page = ask(server, request("/"))
        assert b"content-type: text/html; charset=utf-8" in page
        parts = set(re.findall(r'(?:src|href)="(static/[^"]+)"', page.decode()))
        assert parts
        for part in parts:
            answer = ask(server, request(f"/{part}"))
            assert status(answer) == 200
            tag = re.findall(r"\r\netag: ([^\r]+)\r\n", answer.decode("latin-1"))[0]
            again = ask(server, request(f"/{part}", If_None_Match=tag))
            assert status(again) == 304
            assert len(again) < len(answer)

    def test_whatever_is_sent_the_next_is_answered(self, caplog: pytest.LogCaptureFixture) -> None:
        with serving() as server:

            @settings(max_examples=200, deadline=None)
            @given(JUNK)
            def send(junk: bytes) -> None:
                with dialled(server) as line:
                    line.sendall(junk)
                    line.shutdown(socket.SHUT_WR)
                    everything(line)
                assert get(server, "/healthz") == (200, "ok\n")

            send()
        assert [r for r in caplog.records if r.levelname in {"ERROR", "CRITICAL"}] == []


class TestSizes:
    def test_headers_that_are_too_large(self, server: HttpServer) -> None:
        for large in (
            request(X="x" * HEAD_BYTES_MAX),
            request(Cookie="a=b; " * HEAD_BYTES_MAX),
            request("/" + "x" * 2 * HEAD_BYTES_MAX),
            b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * HEAD_BYTES_MAX,
        ):
            try:
                answer = ask(server, large)
            except OSError:
                continue  # closed while it was still talking
            assert not answer or status(answer) in {431, 404}
        assert asked(server, X="x" * HEAD_BYTES_MAX) == 431
        assert asked(server, Host="localhost") == 200

    def test_a_body_where_none_belongs(self, server: HttpServer) -> None:
        body = request("/metrics", "GET", Content_Length="5") + b"hello"
        assert status(ask(server, body)) == 200


class TestHeaders:
    @pytest.mark.parametrize(
        "sent",
        [request("/"), request("/metrics"), request("/nothing"), request("/", "POST"),
         request(Host="evil.example"), request(Origin="null"), b"no request at all\r\n\r\n",
         request(X="x" * HEAD_BYTES_MAX), request("/healthz"), request("/api/snapshot"),
         request("/login"), request("/static/main.js")],
    )  # fmt: skip
    @pytest.mark.parametrize("token", [None, "s3cret"])
    def test_every_answer_has_those_that_protect(self, sent: bytes, token: str | None) -> None:
        with serving(token=token) as server:
            head = ask(server, sent).partition(b"\r\n\r\n")[0].decode("latin-1").lower()
        lines = dict(line.partition(": ")[::2] for line in head.split("\r\n")[1:])
        policy = lines["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        for part in ("frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
            assert part in policy
        assert "unsafe" not in policy
        assert lines["x-content-type-options"] == "nosniff"
        assert lines["referrer-policy"] in {"no-referrer", "same-origin"}
        assert lines["cross-origin-resource-policy"] == "same-origin"
        assert lines["cache-control"] in {"no-store", "no-cache"}
        assert "server" not in lines


class TestLogged:
    def test_each_refusal_is_a_line_of_one_text(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING, "framesrv.http")
        with serving() as server:
            asked(server, "/nothing%0a%1b" + "x" * 1000)
            asked(server, "/", "PUT")
            asked(server, Host="evil.example")
            asked(server, Origin="null")
            asked(server, X="x" * HEAD_BYTES_MAX)
            ask(server, b"junk\r\n\r\n")
        lines = [r for r in caplog.records if r.name == "framesrv.http"]
        assert {line.getMessage() for line in lines} == {EVENT}
        reasons = {line.__dict__["reason"]: line.__dict__ for line in lines}
        assert {
            "unknown_path",
            "wrong_method",
            "foreign_host",
            "foreign_origin",
            "large_headers",
        } <= set(reasons)
        assert all(fields["peer"] == "127.0.0.1" for fields in reasons.values())
        assert all(len(str(fields.get("path", ""))) < 300 for fields in reasons.values())


def test_of_a_connection_that_is_not_http_nothing_is_asked() -> None:
    """The server's own beginning and end pass through the same doors."""
    seen = []

    async def app(scope: dict[str, str], _: object, __: object) -> None:
        seen.append(scope["type"])

    doors = Doors(app, HttpAddress("127.0.0.1", 0))
    with pytest.raises(StopIteration):
        doors({"type": "lifespan"}, None, None).__await__().send(None)
    assert seen == ["lifespan"]
