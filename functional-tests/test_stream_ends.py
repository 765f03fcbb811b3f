"""How streams and calls end: what was accepted is answered first, also when the server drains."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from pictures import JPEG, as_it_is, encoded
from props import Gate, serving
from stock_client import Stream, connected, refusal, results_of

from framesrv.protocol.gen import frames_pb2 as pb


def test_an_abort_answers_first_what_was_accepted(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with serving(tmp_path) as server, connected(server.address) as stub:
        stream = Stream(stub, pipeline=gate.pipeline)
        stream.ready()
        stream.batch(*(encoded(JPEG, n) for n in range(7)))
        gate.wait_for(2)
        stream.open()
        stream.batch(encoded(JPEG, 99))
        gate.open()
        assert [r.sequence for r in stream.results(7)] == list(range(7))
        assert refusal(stream.read).reason == "STREAM_ALREADY_OPEN"


def test_sigterm_with_100_frames_in_flight(tmp_path: Path) -> None:
    """All are answered, in unary calls and on streams, and the server ends with 0."""
    gate = Gate(tmp_path)
    with serving(tmp_path, transport={"grace_s": 30.0}) as server, contextlib.ExitStack() as stack:
        stubs = [stack.enter_context(connected(server.address)) for _ in range(5)]
        request = pb.ProcessBatchRequest(
            frames=[encoded(JPEG, n) for n in range(5)], pipeline=gate.pipeline
        )
        futures = [
            stub.ProcessBatch.future(request, timeout=60) for stub in stubs for _ in range(2)
        ]
        streams = [Stream(stub, pipeline=gate.pipeline) for stub in stubs]
        for stream in streams:
            stream.ready()
            stream.batch(*(encoded(JPEG, n) for n in range(10)))
        server.until(lambda s: s["admitted"][0] == 100)
        server.terminate()
        for stream in streams:
            assert stream.read().WhichOneof("message") == "go_away"
            stream.half_close()
        gate.open()
        for future in futures:
            results = future.result(60).results
            assert [r.status for r in results] == [pb.FRAME_STATUS_OK] * 5
        for stream in streams:
            results = results_of(stream.rest())
            assert [r.sequence for r in results] == list(range(10))
            assert {r.status for r in results} == {pb.FRAME_STATUS_OK}
        assert server.wait() == 0


@pytest.mark.parametrize("size", [64, 1600])
def test_the_last_answer_arrives_whole(tmp_path: Path, size: int) -> None:
    """The server ends as soon as its last call is answered, and not before."""
    grow = as_it_is(pb.ENCODING_RAW, pb.Op(resize=pb.Resize(width=size, height=size)))
    grow.outputs[0].ops.extend(Gate(tmp_path).pipeline.outputs[0].ops)
    for _ in range(3):
        gate = Gate(tmp_path)
        grow.outputs[0].ops[1].custom.options["here"] = str(gate.folder)
        with (
            serving(tmp_path, transport={"grace_s": 30.0}) as server,
            contextlib.ExitStack() as stack,
        ):
            stubs = [stack.enter_context(connected(server.address)) for _ in range(4)]
            request = pb.ProcessBatchRequest(frames=[encoded(JPEG)], pipeline=grow)
            futures = [stub.ProcessBatch.future(request, timeout=60) for stub in stubs]
            server.until(lambda s: s["admitted"][0] == 4)
            server.terminate()
            for stub in stubs:
                refusal(lambda stub=stub: stub.ProcessBatch(pb.ProcessBatchRequest()))  # type: ignore[misc]
            gate.open()
            for future in futures:
                (result,) = future.result(60).results
                assert len(result.outputs[0].data) == size * size * 3
            assert server.wait() == 0


def test_a_stream_that_stays_is_cut_when_the_grace_is_over(tmp_path: Path) -> None:
    with (
        serving(tmp_path, transport={"grace_s": 0.3}) as server,
        connected(server.address) as stub,
    ):
        stream = Stream(stub)
        stream.ready()
        server.terminate()
        assert stream.read().go_away.grace.ToNanoseconds() == 300_000_000
        assert refusal(stream.read).code in ("UNAVAILABLE", "CANCELLED")
        assert server.wait() == 0
