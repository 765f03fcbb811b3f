"""Lets the tests here import the helpers beside them, which importlib mode does not; and a client
or a browser for each file's own server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("error_table")

from chromium import Browser, browser  # noqa: E402 - the path to it comes first
from dashboard_page import WIDE, show  # noqa: E402
from props import Running  # noqa: E402
from server_process import ServerProcess  # noqa: E402
from stock_client import connected  # noqa: E402


@pytest.fixture(scope="module")
def stub(server: Running) -> Iterator[FrameServiceStub]:
    with connected(server.address) as found:
        yield found


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def page(chrome: Browser, server: ServerProcess) -> Iterator[Browser]:
    """The dashboard, with its first numbers. Whatever is done with it, it must not complain."""
    chrome.look(*WIDE, "light")
    show(chrome, server)
    yield chrome
    assert chrome.console() == []
