"""Subscribers whose connection breaks while they are written to: no fault of the server's."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pictures import as_it_is, raw
from props import PATIENCE_S
from server_process import ServerProcess, running_server
from stock_client import Stream, channel, connected, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

WIDTH, HEIGHT = 1280, 720


@pytest.fixture(params=["10", "0.3"], ids=["patient", "impatient"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    with running_server(environ={"FRAMESRV_FAN_OUT_STALL_S": request.param}) as found:
        yield found
        assert found.terminate() == 0
        faults = [line for line in found.logged() if line["level"] == "error"]
        assert not faults, faults[0]
        assert "INTERNAL" not in found.stderr


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.02)


def frames() -> Iterator[pb.Frame]:
    for number in itertools.count():
        yield raw(bytes(WIDTH * HEIGHT * 3), WIDTH, HEIGHT, pb.PIXEL_FORMAT_BGR24, sequence=number)


def test_connections_that_break_while_subscribers_stand_still(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub:
        publisher = Stream(stub, stream_id="cam", publish=True, pipeline=as_it_is())
        publisher.ready()
        sent = frames()
        for _ in range(3):
            line = channel(server.grpc_address)
            asked = pb.SubscribeRequest(stream_ids=["cam"])
            calls = [stub_of(line).Subscribe(asked, timeout=PATIENCE_S) for _ in range(20)]
            for call in calls:
                call.initial_metadata()
            for _ in range(12):
                publisher.batch(next(sent))
                publisher.results(1)
            until(
                lambda: (
                    server.metric("framesrv_subscriber_lag_frames") > 1
                    or server.metric("framesrv_subscribers") == 0
                )
            )
            line.close()
            until(lambda: server.metric("framesrv_subscribers") == 0)
        publisher.half_close()
        publisher.rest()


def test_a_publisher_whose_connection_breaks_while_it_reads_no_answers(
    server: ServerProcess,
) -> None:
    line = channel(server.grpc_address)
    streams = [Stream(stub_of(line), pipeline=as_it_is()) for _ in range(8)]
    for stream in streams:
        stream.ready()
        for frame in itertools.islice(frames(), 12):
            stream.batch(frame)
    until(lambda: server.metric("framesrv_frames_total", result="ok", reason="") > 8 * 8)
    line.close()
    for stream in streams:
        stream.half_close()
    until(lambda: not server.metric("framesrv_streams", state="open"))
