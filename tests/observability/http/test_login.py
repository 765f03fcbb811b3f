"""The token: who has it, who says so once and gets a cookie, and who guesses."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.observability.http import guard
from framesrv.observability.http.guesses import BURST, Guesses
from framesrv.observability.http.login import COOKIE, GOOD_FOR_S, Login
from framesrv.observability.http.server import HttpServer
from tests.observability.helpers import ask, get, serving

TOKEN = "s3cret+/=~!"  # noqa: S105 - of these tests
FORM = "application/x-www-form-urlencoded"


def log_in(
    server: HttpServer, token: str, content_type: str = FORM, length: int | None = None, **more: str
) -> bytes:
    body = f"token={quote(token, safe='')}".encode()
    headers = {
        "Host": "localhost",
        "Connection": "close",
        "Content-Type": content_type,
        "Content-Length": str(len(body) if length is None else length),
        **more,
    }
    head = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return ask(server, f"POST /login HTTP/1.1\r\n{head}\r\n".encode() + body)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def location(answer: bytes) -> str:
    return str(re.findall(r"\r\nlocation: ([^\r]*)\r\n", answer.decode())[0])


def cookie_of(answer: bytes) -> tuple[str, list[str]]:
    value, *attributes = re.findall(r"\r\nset-cookie: ([^\r]*)\r\n", answer.decode())[0].split("; ")
    return value, attributes


def request(path: str, **headers: str) -> bytes:
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode()


class TestBrowser:
    def test_it_is_led_to_the_login_and_back(self) -> None:
        with serving(token=TOKEN) as server:
            led = ask(server, request("/"))
            assert (status(led), location(led)) == (303, "login")
            page = ask(server, request("/login"))
            assert status(page) == 200
            assert b'<form method="post">' in page
            assert b"<script" not in page
            assert b"\r\nreferrer-policy: same-origin\r\n" in page, (
                "else it is sent with Origin: null"
            )
            entered = log_in(server, TOKEN, Origin="http://localhost")
            assert (status(entered), location(entered)) == (303, "./")
            cookie, attributes = cookie_of(entered)
            assert cookie.startswith(f"{COOKIE}=")
            assert TOKEN not in cookie
            assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=Strict"]
            for path in ("/", "/api/snapshot", "/api/config", "/metrics", "/static/main.js"):
                assert get(server, path, Cookie=f"a=b; {cookie}; c=d")[0] == 200
            again = ask(server, request("/login", Cookie=cookie))
            assert (status(again), location(again)) == (303, "./")

    @pytest.mark.parametrize(
        ("asked", "back"),
        [("watch?stream=a%26b&merge=1", "watch?stream=a%26b&merge=1"), ("camera", "camera?"),
         ("watch?a=b%0d%0aset-cookie:x", "watch?a=b%0D%0Aset-cookie%3Ax")],
    )  # fmt: skip
    def test_it_comes_back_to_the_page_that_it_asked_for(self, asked: str, back: str) -> None:
        with serving(token=TOKEN) as server:
            led = location(ask(server, request(f"/{asked}")))
            assert led.startswith("login?to=")
            cookie, _ = cookie_of(log_in(server, TOKEN))
            assert location(ask(server, request(f"/{led}", Cookie=cookie))) == back

    @pytest.mark.parametrize(
        "foreign",
        ["//evil.example", "https://evil.example", "watch.evil.example", "/watch", "..%2fwatch",
         "watch%2f..%2f..", "%5cevil", "metrics"],
    )  # fmt: skip
    def test_it_is_led_nowhere_else(self, foreign: str) -> None:
        with serving(token=TOKEN) as server:
            cookie, _ = cookie_of(log_in(server, TOKEN))
            answer = ask(server, request(f"/login?to={foreign}", Cookie=cookie))
            assert (status(answer), location(answer)) == (303, "./")

    def test_its_style_is_the_one_that_its_policy_allows(self) -> None:
        with serving(token=TOKEN) as server:
            page = ask(server, request("/login")).decode()
        (style,) = re.findall(r"<style>(.*)</style>", page)
        assert b64encode(sha256(style.encode()).digest()).decode() in page.partition("\r\n\r\n")[0]
        assert "style=" not in page

    def test_under_tls_the_cookie_stays_there(self) -> None:
        assert Login(TOKEN, secure=True).cookie().endswith("; Secure")
        assert "Secure" not in Login(TOKEN).cookie()

    def test_without_a_token_there_is_nothing_to_log_in_to(self) -> None:
        with serving() as server:
            for answer in (ask(server, request("/login")), log_in(server, "x")):
                assert (status(answer), location(answer)) == (303, "./")

    @pytest.mark.parametrize(
        "token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "é", "\x00", "x" * 3000]
    )
    def test_a_wrong_token(self, token: str) -> None:
        with serving(token=TOKEN) as server:
            answer = log_in(server, token)
            assert status(answer) == 401
            assert b"That is not the token" in answer
            assert b"set-cookie" not in answer

    def test_a_token_with_blanks_around_it(self) -> None:
        with serving(token=TOKEN) as server:
            assert status(log_in(server, f"  {TOKEN}\n")) == 303

    def test_what_is_no_form(self) -> None:
        with serving(token=TOKEN) as server:
            assert status(log_in(server, TOKEN, "application/json")) == 415
            assert status(log_in(server, TOKEN, "multipart/form-data; boundary=x")) == 415
            assert status(log_in(server, "x" * 5000)) == 413
            assert status(log_in(server, TOKEN, Origin="http://evil.example")) == 403
            assert status(log_in(server, TOKEN)) == 303

    def test_a_form_that_never_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guard, "REQUEST_S_MAX", 0.3)
        head = (
            f"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n"
        ).encode()
        chunk = b"800\r\n" + b"a" * 0x800 + b"\r\n"
        with serving(token=TOKEN) as server:
            assert ask(server, head + chunk) == b"", "it was cut off"
            assert status(ask(server, head + chunk * 9)) == 413


def test_a_browser_that_looks_for_an_icon_is_not_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving(token=TOKEN) as server:
        assert status(ask(server, request("/favicon.ico"))) == 204
    assert "refused" not in caplog.text


class TestCookie:
    def test_it_is_good_after_a_restart_and_for_no_other_token(self) -> None:
        cookie = Login(TOKEN).cookie().partition(";")[0].encode()
        assert Login(TOKEN).knows(cookie)
        assert not Login(TOKEN + "x").knows(cookie)

    def test_it_ends(self) -> None:
        now = [1_000_000.0]
        login = Login(TOKEN, clock=lambda: now[0])
        cookie = login.cookie().partition(";")[0].encode()
        now[0] += GOOD_FOR_S - 1
        assert login.knows(cookie)
        now[0] += 2
        assert not login.knows(cookie)

    def test_nobody_can_make_it_last_longer(self) -> None:
        login = Login(TOKEN)
        name, _, value = login.cookie().partition(";")[0].partition("=")
        until, _, signed = value.partition(".")
        longer = f"{name}={int(until) + 1}.{signed}"
        assert not login.knows(longer.encode())

    @given(st.binary(max_size=200))
    def test_junk_is_no_cookie(self, junk: bytes) -> None:
        login = Login(TOKEN)
        name = COOKIE.encode()
        for cookies in (junk, name + b"=" + junk, b"; ".join([junk, name, name + b"=", junk])):
            assert not login.knows(cookies)

    def test_junk_is_refused_and_no_more(self) -> None:
        with serving(token=TOKEN) as server:
            for junk in ("\x80", f"{COOKIE}=", f"{COOKIE}=1.", f"{COOKIE}=.{'0' * 64}", ";" * 999):
                answer = ask(server, request("/metrics", Cookie=junk))
                assert status(answer) in {400, 401}


class TestProgram:
    def test_it_sends_the_token_each_time(self) -> None:
        with serving(token=TOKEN) as server:
            for sent in (f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER  {TOKEN} "):
                assert get(server, "/metrics", Authorization=sent)[0] == 200

    @pytest.mark.parametrize(
        "sent",
        [TOKEN, "Bearer", "Bearer ", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer x{TOKEN}"],
    )
    def test_anything_else_is_refused(self, sent: str) -> None:
        with serving(token=TOKEN) as server:
            for path in ("/metrics", "/", "/api/events", "/nothing", "/static/main.js"):
                answer = ask(server, request(path, Authorization=sent))
                assert status(answer) == (303 if path == "/" else 401)
            assert get(server, "/healthz", Authorization=sent)[0] == 200


class TestGuessing:
    def test_it_is_slow_and_for_the_guesser_alone(self) -> None:
        now = [0.0]
        guesses = Guesses(clock=lambda: now[0])
        tried = 0
        for _ in range(1000):
            now[0] += 0.01
            if guesses.may("192.0.2.1"):
                guesses.wrong("192.0.2.1")
                tried += 1
            assert guesses.may("192.0.2.2")
        assert BURST <= tried <= BURST + 11, "one a second after the first ones"
        now[0] += 60
        assert guesses.may("192.0.2.1")

    def test_a_network_of_one_guest_is_one_guesser(self) -> None:
        guesses = Guesses(clock=lambda: 0.0)
        for number in range(BURST):
            guesses.wrong(f"2001:db8::{number:x}")
        assert not guesses.may("2001:db8::ffff")
        assert guesses.may("2001:db8:0:1::1")
        for _ in range(BURST):
            guesses.wrong("::ffff:192.0.2.1")
        assert not guesses.may("192.0.2.1")

    def test_what_is_remembered_is_bounded(self) -> None:
        guesses = Guesses(clock=lambda: 0.0)
        for number in range(5000):
            guesses.wrong(str(number))
        assert len(guesses._held) <= 1024

    def test_then_no_guess_is_looked_at(self) -> None:
        with serving(token=TOKEN) as server:
            cookie = cookie_of(log_in(server, TOKEN))[0]
            codes = [status(log_in(server, "wrong")) for _ in range(BURST + 5)]
            assert codes[0] == 401
            assert codes[-1] == 429
            assert status(log_in(server, TOKEN)) == 429, "else the next guess is free"
            assert get(server, "/metrics", Authorization="Bearer wrong")[0] == 429
            assert get(server, "/metrics", Cookie=cookie)[0] == 200, "who is in stays in"
            assert get(server, "/metrics")[0] == 401
