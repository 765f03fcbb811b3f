"""The log of a real server: what it tells, in which form, and that nobody can fill a disk."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pictures import JPEG, as_it_is, custom, encoded
from server_process import WAIT_S, ServerProcess, clean_environ, command, running_server
from stock_client import connected

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

HERE = Path(__file__).parent
TRACE = "0af7651916cd43dd8448eb211c80319c"
METADATA = (("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"),)
BURST = 10  # lines of a kind at once; then one a second
FORGED = '\n{"event": "forged"}\x1b[2J\x00'
TRICKS = ("--processor", "fails=tricks:fails", "--processor", "fatal=tricks:fatal")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server(*TRICKS, folder=HERE) as found:
        yield found


def refused(stub: FrameServiceStub, request_id: str = "", pipeline: str = "unknown") -> None:
    asked = pb.ProcessBatchRequest(request_id=request_id, pipeline_name=pipeline)
    with pytest.raises(grpc.RpcError) as error:
        stub.ProcessBatch(asked, timeout=WAIT_S, metadata=METADATA)
    assert error.value.code() is grpc.StatusCode.NOT_FOUND


def waited_for(server: ServerProcess, event: str, **fields: Any) -> dict[str, Any]:
    """The first line of this event with these fields; it may come after its call's end."""
    end = time.monotonic() + WAIT_S
    while True:
        for line in server.logged(event):
            if fields.items() <= line.items():
                return line
        assert time.monotonic() < end, server.stderr
        threading.Event().wait(0.01)


def told(lines: list[dict[str, Any]]) -> int:
    """How many there would have been."""
    return sum(line.get("suppressed", 0) + ("like" not in line) for line in lines)


# -- one line per event ------------------------------------------------------------------------


def test_the_life_of_a_server() -> None:
    with running_server("--grace", "7") as server:
        ready = server.logged()
        assert server.terminate() == 0
        lines = [line for line in server.logged() if line["logger"] == "framesrv"]
    events = [line["event"].partition(":")[0] for line in lines]
    events.remove("the most memory that the pools can take")
    assert events == [
        "starting", "listening", "ready", "asked to stop", "draining", "drained", "stopped",
    ]  # fmt: skip
    starting, listening = lines[0], lines[1]
    assert starting["pid"] == server.process.pid
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", starting["version"])
    assert (listening["grpc"], listening["http"]) == (server.grpc_addresses, server.http_address)
    assert {line["event"] for line in ready} >= {"starting", "listening", "ready"}
    assert lines[events.index("draining") + 1]["grace_s"] == 7.0


def test_a_refused_call_has_its_reason_and_all_ids(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub:
        refused(stub, "mine-1")
        line = waited_for(server, "call refused", request_id="mine-1")
        assert line["peer"].startswith(("ipv4:127.0.0.1:", "ipv6:"))
        expected = {
            "level": "info",
            "logger": "framesrv.transport",
            "reason": "UNKNOWN_PIPELINE",
            "code": "NOT_FOUND",
            "method": "ProcessBatch",
            "trace_id": TRACE,
        }
        assert expected.items() <= line.items()
        opening = pb.ProcessStreamRequest(
            open=pb.StreamConfig(stream_id="cam-1", pipeline_name="unknown")
        )
        with pytest.raises(grpc.RpcError):
            list(stub.ProcessStream(iter([opening]), timeout=WAIT_S, metadata=METADATA))
        waited_for(
            server,
            "call refused",
            method="ProcessStream",
            stream_id="cam-1",
            trace_id=TRACE,
            reason="UNKNOWN_PIPELINE",
        )


def test_streams_tell_when_they_open_and_how_they_end(server: ServerProcess) -> None:
    frames = [encoded(JPEG, number) for number in range(5)] + [encoded(b"no picture")]
    messages = [
        pb.ProcessStreamRequest(open=pb.StreamConfig(stream_id="cam-2", max_in_flight_frames=9)),
        pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)),
    ]
    with connected(server.grpc_address) as stub:
        list(stub.ProcessStream(iter(messages), timeout=WAIT_S, metadata=METADATA))
        opened = waited_for(server, "stream opened", stream_id="cam-2")
        assert (opened["window"], opened["drop_policy"], opened["trace_id"]) == (9, "block", TRACE)
        ended = waited_for(server, "stream ended", stream_id="cam-2")
        assert ended["how"] == "completed"
        counts = {name: ended[name] for name in ("received", "ok", "failed", "dropped")}
        assert counts == {"received": 6, "ok": 5, "failed": 1, "dropped": 0}
        answers = stub.ProcessStream(
            iter([pb.ProcessStreamRequest(open=pb.StreamConfig(stream_id="cam-3"))] * 2),
            timeout=WAIT_S,
        )
        with pytest.raises(grpc.RpcError):
            list(answers)
        waited_for(server, "stream ended", stream_id="cam-3", how="STREAM_ALREADY_OPEN")


def test_a_lost_worker_is_told_with_its_stack(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub:
        asked = pb.ProcessBatchRequest(
            frames=[encoded(JPEG)], pipeline=as_it_is(pb.ENCODING_RAW, custom("fatal"))
        )
        (result,) = stub.ProcessBatch(asked, timeout=WAIT_S).results
    assert result.error.reason == "WORKER_LOST"
    line = waited_for(server, "a worker was lost; another takes its place")
    assert line["level"] == "error"
    assert "SystemExit: 3" in line["stack"]


# -- strangers ---------------------------------------------------------------------------------


def test_no_stranger_writes_lines_of_his_own(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub:
        refused(stub, "begin" + FORGED, "unknown" + FORGED)
        refused(stub, "long" + "x" * 100_000)
        line = waited_for(server, "call refused", request_id="begin" + FORGED)
        assert FORGED not in line["event"]
        waited_for(server, "call refused", request_id="long" + "x" * 124)
    assert not server.logged("forged")


def test_ten_thousand_refusals_make_few_lines() -> None:
    with running_server() as server, connected(server.grpc_address) as stub:
        begun = time.monotonic()
        asked = pb.ProcessBatchRequest(pipeline_name="unknown")
        for _ in range(100):
            for call in [stub.ProcessBatch.future(asked, timeout=WAIT_S) for _ in range(100)]:
                assert call.code() is grpc.StatusCode.NOT_FOUND
        took_s = time.monotonic() - begun
        assert server.terminate() == 0
        lines = [line for line in server.logged() if line["logger"] == "framesrv.transport"]
        # What is of the server itself is never held back.
        assert server.logged("stopped")
    assert {line["reason"] for line in lines} == {"UNKNOWN_PIPELINE"}
    assert BURST <= len(lines) <= BURST + took_s + 3
    assert told(lines) == 10_000


def test_a_processor_that_always_fails_makes_few_lines() -> None:
    with running_server(*TRICKS, folder=HERE) as server, connected(server.grpc_address) as stub:
        begun = time.monotonic()
        asked = pb.ProcessBatchRequest(
            frames=[encoded(JPEG)] * 64, pipeline=as_it_is(pb.ENCODING_RAW, custom("fails"))
        )
        for _ in range(20):
            results = stub.ProcessBatch(asked, timeout=WAIT_S).results
            assert {result.error.reason for result in results} == {"PROCESSOR_FAILED"}
        took_s = time.monotonic() - begun
        assert server.terminate() == 0
        lines = [line for line in server.logged() if line["logger"] == "framesrv.processors"]
    assert BURST <= len(lines) <= BURST + took_s + 3
    assert told(lines) == 20 * 64
    first = lines[0]
    assert first["event"] == "processor fails failed"
    assert "the operator's own affair" in first["stack"]


# -- forms -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "environ"),
    [(("--log-format", "human"), {}), ((), {"FRAMESRV_LOG_FORMAT": "human"})],
)
def test_lines_for_people(args: tuple[str, ...], environ: dict[str, str]) -> None:
    with running_server(*args, *TRICKS, folder=HERE, environ=environ) as server:
        with connected(server.grpc_address) as stub:
            refused(stub, "begin" + FORGED)
            asked = pb.ProcessBatchRequest(
                frames=[encoded(JPEG)], pipeline=as_it_is(pb.ENCODING_RAW, custom("fails"))
            )
            stub.ProcessBatch(asked, timeout=WAIT_S)
        assert server.terminate() == 0
        told = server.stderr
    for line in told.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]{15}Z \[|    ", line), line
    assert "\x1b" not in told
    assert re.search(r"\[info +\] call refused +\[framesrv\.transport\] reason='UNKNOWN_", told)
    assert re.search(
        r"\[error +\] processor fails failed +\[framesrv.processors\]\n    Trace", told
    )


def test_a_terminal_gets_lines_for_people_in_colour() -> None:
    ours, its = pty.openpty()
    try:
        environ = {key: text for key, text in clean_environ().items() if key != "NO_COLOR"}
        with subprocess.Popen(
            command("serve", "--listen", "127.0.0.1:0", "--http", "off"),
            stdout=subprocess.PIPE, stderr=its, text=True, env=environ,
        ) as process:  # fmt: skip
            try:
                assert process.stdout is not None
                assert process.stdout.readline().startswith("framesrv ready")
            finally:
                process.terminate()
            assert process.wait(WAIT_S) == 0
        told = os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(its)
    assert "\x1b[" in told
    assert "starting" in told
    assert not told.startswith("{")


# -- nobody reads it ---------------------------------------------------------------------------


def fill(pipe: int) -> int:
    """Until there is room for no byte; how many it took."""
    os.set_blocking(pipe, False)
    filled = 0
    for nbytes in (4096, 1):
        while True:
            try:
                filled += os.write(pipe, b"\n" * nbytes)
            except BlockingIOError:
                break
    os.set_blocking(pipe, True)
    return filled


def test_a_log_that_nobody_reads_stops_nothing() -> None:
    ours, its = os.pipe()
    try:
        with subprocess.Popen(
            command("serve", "--listen", "127.0.0.1:0", "--http", "off"),
            stdout=subprocess.PIPE, stderr=its, text=True, env=clean_environ(),
        ) as process:  # fmt: skip
            try:
                assert process.stdout is not None
                ready = process.stdout.readline().split()
                fill(its)
                with connected(ready[2].removeprefix("grpc=")) as stub:
                    for number in range(3 * BURST):
                        refused(stub, f"mine-{number}")
                    asked = pb.ProcessBatchRequest(frames=[encoded(JPEG)], pipeline=as_it_is())
                    assert len(stub.ProcessBatch(asked, timeout=WAIT_S).results) == 1
                process.terminate()
                assert process.wait(WAIT_S) == 0
            finally:
                process.kill()
    finally:
        os.close(ours)
        os.close(its)
