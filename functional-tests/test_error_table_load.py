"""The error table (DESIGN, section 5): what is too much, too late or gone is answered or counted.

Each test has a server of its own, with the limit that it meets.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from error_table import batch, check
from google.protobuf.duration_pb2 import Duration
from pictures import JPEG, as_it_is, custom, encoded, resize
from props import Gate, serving
from stock_client import Stream, connected, of_frame, refusal, results_of

from framesrv.protocol.gen import frames_pb2 as pb

DEADLINE_S = 2.0


def test_a_full_queue(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1, "max_in_flight_frames": 2}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(4) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=gate.pipeline)
        gate.wait_for(1)
        second = pool.submit(batch, stub, encoded(JPEG), pipeline=gate.pipeline)
        server.until(lambda s: s["admitted"][0] == 2)
        told = refusal(lambda: batch(stub, encoded(JPEG)))
        check(told, "RESOURCE_EXHAUSTED", "QUEUE_FULL", retries=True)
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60).version
        stream = Stream(stub)  # its sender waits: nothing is refused
        stream.ready()
        stream.batch(encoded(JPEG))
        gate.open()
        assert stream.results(1)[0].status == pb.FRAME_STATUS_OK
        stream.half_close()
        assert stream.rest() == []
        for call in (first, second):
            assert call.result(60)[0].status == pb.FRAME_STATUS_OK


def test_the_pools_and_the_byte_budget(tmp_path: Path) -> None:
    """49 MB find room when 54 have left, 200 MB never do."""
    gate = Gate(tmp_path)
    env = {
        "FRAMESRV_POOL_BUDGET_BYTES": str(128 * 1024 * 1024),
        "FRAMESRV_POOL_JPEG_CAPACITY": "4",
        "FRAMESRV_POOL_JPEG_WARM": "1",
    }
    large = as_it_is(pb.ENCODING_RAW, resize(width=4096, height=4000))
    held = as_it_is(
        pb.ENCODING_JPEG,
        resize(width=3000, height=3000),
        custom("gate", here=str(gate.folder)),
        resize(width=8),
    )
    with (
        serving(tmp_path, env=env, engine={"pool_wait_s": 0.2}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(2) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=held)
        gate.wait_for(1)
        (result,) = batch(stub, encoded(JPEG), pipeline=large)
        check(of_frame(result), "RESOURCE_EXHAUSTED", "MEMORY_BUDGET", retries=True)
        gate.open()
        assert first.result(60)[0].status == pb.FRAME_STATUS_OK
        outputs = [
            pb.Output(name=str(n), ops=[resize(width=4096, height=4000)], encoding=pb.ENCODING_RAW)
            for n in range(4)
        ]
        (result,) = batch(stub, encoded(JPEG), pipeline=pb.Pipeline(outputs=outputs))
        check(of_frame(result), "INVALID_ARGUMENT", "IMAGE_TOO_LARGE")


def test_a_pool_that_is_empty(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    env = {"FRAMESRV_POOL_JPEG_CAPACITY": "2"}
    holding = pb.Pipeline(
        outputs=[
            pb.Output(name="a"),
            pb.Output(name="b", ops=[custom("gate", here=str(gate.folder))]),
        ]
    )
    with (
        serving(tmp_path, env=env, engine={"pool_wait_s": 0.1}) as server,
        connected(server.address) as stub,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(batch, stub, encoded(JPEG), pipeline=holding)
        gate.wait_for(1)
        (result,) = batch(stub, encoded(JPEG))
        check(of_frame(result), "RESOURCE_EXHAUSTED", "POOL_TIMEOUT", retries=True)
        gate.open()
        assert first.result(60)[0].status == pb.FRAME_STATUS_OK


def test_too_many_streams(tmp_path: Path) -> None:
    with (
        serving(tmp_path, streams={"max_streams": 2}) as server,
        connected(server.address) as stub,
    ):
        streams = [Stream(stub), Stream(stub)]
        for stream in streams:
            stream.ready()
        told = refusal(Stream(stub).read)
        check(told, "RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", retries=True)
        streams[0].half_close()
        assert streams[0].rest() == []
        server.until(lambda s: s["streams"] == s["calls"] == 1)
        # A call that was never opened costs as much as one that was.
        unopened = Stream(stub, opened=False)
        server.until(lambda s: s["calls"] == 2)
        told = refusal(Stream(stub).read)
        check(told, "RESOURCE_EXHAUSTED", "TOO_MANY_STREAMS", retries=True)
        for stream in (streams[1], unopened):
            stream.half_close()
            assert stream.rest() == []


def test_a_deadline_that_passes(tmp_path: Path) -> None:
    """The call ends on time; of what was not begun, nothing is done."""
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        # Until it passes, the server must have the frames, on a busy machine as well.
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60).version
        request = pb.ProcessBatchRequest(frames=[encoded(JPEG)] * 3, pipeline=gate.pipeline)
        call = stub.ProcessBatch.future(request, timeout=DEADLINE_S)
        gate.wait_for(1)
        assert refusal(call.result).code == "DEADLINE_EXCEEDED"
        assert server.stats()["admitted"][0] == 3, "the slot is held until the thread ends"
        stream = stub.ProcessStream(
            iter(
                [
                    pb.ProcessStreamRequest(open=pb.StreamConfig(pipeline=gate.pipeline)),
                    pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[encoded(JPEG)] * 2)),
                ]
            ),
            timeout=DEADLINE_S,
        )
        server.until(lambda s: s["admitted"][0] == 5)
        assert refusal(lambda: list(stream)).code == "DEADLINE_EXCEEDED"
        gate.open()
        stats = server.settled()
        assert gate.entered() == 1
        late = {"failed DEADLINE", "dropped CLIENT_GONE"}
        assert set(stats["frames"]) <= late
        assert sum(stats["frames"].values()) == 5, "each is counted, though nobody hears of it"


@pytest.mark.parametrize("policy", [pb.DROP_POLICY_OLDEST, pb.DROP_POLICY_NEWEST])
def test_frames_beyond_the_window(tmp_path: Path, policy: Any) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, drop_policy=policy, max_in_flight_frames=3)
        assert stream.ready().max_in_flight_frames == 3
        stream.batch(encoded(JPEG, 0))
        gate.wait_for(1)
        stream.batch(*(encoded(JPEG, n) for n in range(1, 6)))
        stream.half_close()
        if policy == pb.DROP_POLICY_NEWEST:
            server.until(lambda s: s["frames"].get("dropped DROPPED_BY_POLICY") == 3)
        else:
            server.until(lambda s: s["admitted"][0] == 6)
        gate.open()
        results = results_of(stream.rest())
        assert [r.sequence for r in results] == list(range(6))
        kept = {r.sequence for r in results if r.status == pb.FRAME_STATUS_OK}
        assert kept == ({0, 4, 5} if policy == pb.DROP_POLICY_OLDEST else {0, 1, 2})
        for result in results:
            if result.sequence not in kept:
                assert result.status == pb.FRAME_STATUS_DROPPED
                check(of_frame(result), "ABORTED", "DROPPED_BY_POLICY")


def test_frames_that_are_too_old(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, max_age=Duration(seconds=1))
        stream.ready()
        stream.batch(encoded(JPEG, 1))
        gate.wait_for(1)
        stream.batch(encoded(JPEG, 2))
        server.until(lambda s: s["admitted"][0] == 2)
        threading.Event().wait(1.2)  # nothing but time makes it old
        gate.open()
        good, old = stream.results(2)
        assert good.status == pb.FRAME_STATUS_OK
        assert old.status == pb.FRAME_STATUS_DROPPED
        check(of_frame(old), "DEADLINE_EXCEEDED", "TOO_OLD")
        stream.half_close()
        assert stream.rest() == []


def test_a_server_that_drains(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, transport={"grace_s": 30.0}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline)
        stream.ready()
        stream.batch(encoded(JPEG, 1))
        gate.wait_for(1)
        unopened = Stream(stub, opened=False)
        server.until(lambda s: s["calls"] == 2)
        server.terminate()
        message = stream.read()
        assert message.WhichOneof("message") == "go_away"
        assert message.go_away.reason
        assert message.go_away.grace.ToNanoseconds() > 0
        told = refusal(lambda: batch(stub, encoded(JPEG)))
        check(told, "UNAVAILABLE", "DRAINING", retries=True)
        check(refusal(Stream(stub).read), "UNAVAILABLE", "DRAINING", retries=True)
        unopened.open()
        check(refusal(unopened.read), "UNAVAILABLE", "DRAINING", retries=True)
        assert stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60).draining
        stream.batch(encoded(JPEG, 2), encoded(JPEG, 3))
        gate.open()
        accepted, *late = stream.results(3)
        assert (accepted.sequence, accepted.status) == (1, pb.FRAME_STATUS_OK)
        for result in late:
            assert result.status == pb.FRAME_STATUS_FAILED
            check(of_frame(result), "UNAVAILABLE", "DRAINING", retries=True)
        stream.half_close()
        assert stream.rest() == []
        assert server.wait() == 0


def test_a_client_that_is_gone_is_counted(tmp_path: Path) -> None:
    """All its frames, also those that were waiting for the window."""
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub, pipeline=gate.pipeline, max_in_flight_frames=2)
        stream.ready()
        stream.batch(encoded(JPEG), encoded(JPEG))
        gate.wait_for(1)
        # The window is full: of these, the first is read and the second is not.
        stream.batch(*[encoded(JPEG)] * 3)
        future = stub.ProcessBatch.future(
            pb.ProcessBatchRequest(frames=[encoded(JPEG)] * 4, pipeline=gate.pipeline), timeout=60
        )
        server.until(lambda s: s["admitted"][0] == 6)
        stream.call.cancel()
        future.cancel()
        with pytest.raises(grpc.FutureCancelledError):
            future.result()
        server.until(lambda s: not s["calls"])
        gate.open()
        stats = server.settled()
        assert sum(stats["frames"].values()) == 9
        assert stats["frames"].get("dropped CLIENT_GONE", 0) >= 7
