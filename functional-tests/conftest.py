"""Lets the tests here import the helpers beside them, which importlib mode does not; and a client
for each file's own server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("error_table")

from props import Running  # noqa: E402 - the path to it comes first
from stock_client import connected  # noqa: E402


@pytest.fixture(scope="module")
def stub(server: Running) -> Iterator[FrameServiceStub]:
    with connected(server.address) as found:
        yield found
