"""`framesrv top`: what it prints beside a server, how it ends, how it complains."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from framesrv.cli.top_feed import Lost, Place, listening
from tests.cli.served import WAIT_S, finish, framesrv, until
from tests.cli.snapshots import snapshot

ESCAPE = "\x1b"
CURSOR_IS_BACK = f"{ESCAPE}[?25h"
SCREEN_IS_BACK = f"{ESCAPE}[?1049l"


class Server:
    """``framesrv serve`` as a process."""

    def __init__(self, *args: str, http: str = "127.0.0.1:0") -> None:
        self.process = framesrv("serve", "--listen", "127.0.0.1:0", "--http", http, *args)
        assert self.process.stdout is not None
        ready = self.process.stdout.readline()
        assert "http=" in ready, finish(self.process)
        self.http = ready.split("http=")[1].strip()

    def end(self) -> None:
        self.process.terminate()
        finish(self.process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.end()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as found:
        yield found


def test_where_it_is_no_terminal_it_prints_one_snapshot_and_ends(server: Server) -> None:
    for args in ([], ["--once"]):
        code, out, err = finish(framesrv("top", "--http", server.http, *args))
        assert (code, err) == (0, "")
        assert ESCAPE not in out
        for told in ("framesrv 0.1.0 ready", server.http, "rgba_320", "512 MiB", "no stream"):
            assert told in out


def test_nobody_there_is_told_in_a_line_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    code, out, err = finish(framesrv("top", "--http", address))
    assert (code, out) == (3, "")
    assert err.startswith(f"framesrv top: nobody listens for HTTP at {address}: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("address", ["9464", "x:y", "127.0.0.1:0", "ftp://127.0.0.1:1", ""])
def test_what_is_no_address_is_exit_code_2(address: str) -> None:
    code, _, err = finish(framesrv("top", "--http", address))
    assert code == 2
    assert "HOST:PORT" in err


def test_a_server_with_a_token_is_seen_with_it_only(tmp_path: Path) -> None:
    file, wrong, empty = tmp_path / "token", tmp_path / "wrong", tmp_path / "empty"
    file.write_text("s3cret\n")
    wrong.write_text("guess")
    empty.write_text(" ")
    with Server("--http-token-file", str(file)) as server:
        at = ("top", "--http", server.http)
        code, _, err = finish(framesrv(*at))
        assert (code, "--token-file FILE" in err) == (3, True)
        assert finish(framesrv(*at, "--token-file", str(wrong)))[0] == 3
        assert finish(framesrv(*at, "--token-file", str(file)))[0] == 0
        for unusable in (empty, tmp_path / "missing"):
            code, _, err = finish(framesrv(*at, "--token-file", str(unusable)))
            assert (code, f"--token-file {unusable}" in err) == (2, True)


@contextmanager
def other_server(answer: bytes, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Says this, whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        if tls is not None:
            found.socket = tls.wrap_socket(found.socket, server_side=True)
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{found.server_address[1]}"
        found.shutdown()
        thread.join(WAIT_S)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "is not framesrv"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n", "not framesr"),
        (b"SSH-2.0-x\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "as many connections"),
        (b"HTTP/1.1 421 No\r\nContent-Length: 9\r\n\r\nwho is x?", "answers 421: who is x?"),
        (b"", "closed the connection"),
    ],
)
def test_what_is_no_server_of_ours_is_told(answer: bytes, told: str) -> None:
    with other_server(answer) as address:
        code, out, err = finish(framesrv("top", "--http", address))
    assert (code, out) == (3, "")
    assert told in err
    assert "Traceback" not in err


def test_an_event_that_is_cut_off_is_left_out() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    body = (
        b'retry: 1\n\nevent: a\ndata: {"x":\n\n: note\nevent: b\ndata: {"y":1}\n\nevent: c\ndata: {'
    )
    heard: list[Any] = []
    with other_server(head + body) as address:
        host, _, port = address.partition(":")
        with pytest.raises(Lost, match="ended"), listening(Place(host, int(port))) as events:
            heard.extend(events)
    assert heard == [("b", {"y": 1})]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_with_tls_the_certificate_is_checked(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",  # noqa: S607
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    events = f"event: snapshot\ndata: {json.dumps(snapshot())}\n\n".encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    with other_server(head + events, tls) as address:
        code, out, _ = finish(framesrv("top", "--http", address, "--tls-ca", str(cert)))
        assert (code, "rgba_320" in out) == (0, True)
        code, _, err = finish(framesrv("top", "--http", f"https://{address}"))
        assert (code, f"no TLS with {address}: " in err) == (3, True)
        code, _, err = finish(framesrv("top", "--http", address, "--tls-ca", str(key)))
        assert (code, "--tls-ca" in err) == (2, True)


class Terminal:
    """`framesrv top` in a terminal of its own, and all that it has written there."""

    def __init__(self, *args: str, rows: int = 40, columns: int = 150) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (rows, columns))
        environ = os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
        for name in ("COLUMNS", "LINES"):  # it has a size of its own
            environ.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "framesrv", "top", *args],
            stdin=theirs, stdout=theirs, stderr=theirs, env=environ,
        )  # fmt: skip
        os.close(theirs)
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # nobody has it open any more
                return
            if not data:
                return
            self.text += data.decode(errors="replace")

    def shows(self, text: str) -> None:
        until(lambda: text in self.text or self.process.poll() is not None)
        assert text in self.text

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def code(self) -> int:
        return self.process.wait(WAIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        os.close(self._ours)


@pytest.mark.parametrize(
    ("end", "code"), [("q", 0), ("x q", 0), (signal.SIGINT, 130), (signal.SIGTERM, 130)]
)
def test_it_ends_as_asked_and_leaves_the_terminal_as_it_was(
    server: Server, end: str | signal.Signals, code: int
) -> None:
    with Terminal("--http", server.http) as terminal:
        terminal.shows("q quits")
        if isinstance(end, str):
            terminal.type(end)
        else:
            terminal.process.send_signal(end)
        assert terminal.code() == code
        terminal.shows(SCREEN_IS_BACK)
        terminal.shows(CURSOR_IS_BACK)
        assert terminal.text.rindex(CURSOR_IS_BACK) > terminal.text.rindex(f"{ESCAPE}[?25l")
        assert "Traceback" not in terminal.text


def test_it_finds_the_server_again_after_a_restart() -> None:
    with Server() as first, Terminal("--http", first.http, columns=80) as terminal:
        terminal.shows("ready")
        first.end()
        terminal.shows("reconnecting, nothing heard for")
        with Server(http=first.http):
            terminal.shows("restarted")
            terminal.type("q")
            assert terminal.code() == 0


def test_a_fault_is_told_before_the_screen_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("s3cret")
    with (
        Server("--http-token-file", str(file)) as server,
        Terminal("--http", server.http) as terminal,
    ):
        assert terminal.code() == 3
        terminal.shows("--token-file FILE")
        assert f"{ESCAPE}[?1049h" not in terminal.text
