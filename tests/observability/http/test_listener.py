"""TLS connections that never finish their handshake: few are kept, and they are in nobody's way."""

from __future__ import annotations

import ssl
import urllib.request
from contextlib import ExitStack
from http.client import HTTPSConnection
from pathlib import Path

from framesrv.observability.http.listener import UNGUARDED_MAX
from tests.observability.certificates import certificate
from tests.observability.helpers import dialled, everything, serving


def test_of_those_without_a_handshake_the_oldest_goes(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=cert)
    with serving(tls=(cert, key)) as server, ExitStack() as held:
        lines = [held.enter_context(dialled(server)) for _ in range(3 * UNGUARDED_MAX)]
        assert [everything(line) for line in lines[: 2 * UNGUARDED_MAX]] == [
            b""
        ] * 2 * UNGUARDED_MAX
        url = f"https://{server.address}/healthz"
        with urllib.request.urlopen(url, timeout=20, context=trusting) as answer:
            assert answer.read() == b"ok\n"


def test_one_that_has_asked_stays(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=cert)
    with serving(tls=(cert, key)) as server, ExitStack() as held:
        line = HTTPSConnection(str(server.address), timeout=20, context=trusting)
        held.callback(line.close)
        line.request("GET", "/healthz")
        assert line.getresponse().read() == b"ok\n"
        kept = line.sock
        lines = [held.enter_context(dialled(server)) for _ in range(2 * UNGUARDED_MAX)]
        assert everything(lines[0]) == b""
        line.request("GET", "/healthz")
        assert line.getresponse().read() == b"ok\n"
        assert line.sock is kept
