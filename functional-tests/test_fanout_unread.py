"""Subscribers that were ended and do not hang up: what is kept for them is bounded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from pictures import as_it_is, raw
from props import PATIENCE_S
from server_process import ServerProcess, running_server
from stock_client import Stream, Told, channel, connected, of_call, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

MOST = 6
WIDTH, HEIGHT = 1280, 720
FRAME = raw(bytes(WIDTH * HEIGHT * 3), WIDTH, HEIGHT, pb.PIXEL_FORMAT_BGR24)
ASKED = pb.SubscribeRequest(stream_ids=["cam"])


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    environ = {
        "FRAMESRV_FAN_OUT_STALL_S": "0.3",
        "FRAMESRV_FAN_OUT_MAX_SUBSCRIBERS": str(MOST),
    }
    with running_server(environ=environ) as found:
        yield found
        assert found.terminate() == 0
        assert found.logged("drained"), "it did not wait for those who never hang up"
        assert not [line for line in found.logged() if line["level"] == "error"]


def stalled(line: grpc.Channel, publisher: Stream, server: ServerProcess) -> list[Any]:
    """As many as may be, until the server has ended them all; none of them reads, or hangs up."""
    calls = [stub_of(line).Subscribe(ASKED, timeout=PATIENCE_S) for _ in range(MOST)]
    for call in calls:
        call.initial_metadata()
    end = time.monotonic() + PATIENCE_S
    while len([one for one in server.logged("call refused") if "SLOW" in one["reason"]]) < MOST:
        assert time.monotonic() < end
        publisher.batch(FRAME)
        publisher.results(1)
    assert server.metric("framesrv_subscribers") == 0
    return calls


def one_more(line: grpc.Channel) -> Told | None:
    """None if it is taken."""
    call = stub_of(line).Subscribe(ASKED, timeout=PATIENCE_S)
    try:
        next(call)
    except grpc.RpcError as error:
        return of_call(error)
    call.cancel()
    return None


def test_they_count_until_they_hang_up_and_hold_up_no_server(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub, channel(server.grpc_address) as other:
        publisher = Stream(stub, stream_id="cam", publish=True, pipeline=as_it_is())
        publisher.ready()
        line = channel(server.grpc_address)
        calls = stalled(line, publisher, server)
        told = one_more(other)
        assert told is not None
        assert (told.code, told.reason, told.retries) == (
            "RESOURCE_EXHAUSTED",
            "TOO_MANY_STREAMS",
            True,
        )
        line.close()
        assert len(calls) == MOST
        end = time.monotonic() + PATIENCE_S
        while one_more(other) is not None:
            assert time.monotonic() < end
            threading.Event().wait(0.02)
        publisher.half_close()
        publisher.rest()


def test_a_server_ends_while_they_are_there(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub, channel(server.grpc_address) as line:
        publisher = Stream(stub, stream_id="cam", publish=True, pipeline=as_it_is())
        publisher.ready()
        calls = stalled(line, publisher, server)
        publisher.half_close()
        publisher.rest()
        assert server.terminate() == 0
        assert len(calls) == MOST
