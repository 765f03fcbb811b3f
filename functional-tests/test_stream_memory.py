"""What streams may hold of the server's memory, whatever their clients leave undone."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pictures import JPEG, as_it_is, encoded, raw
from props import Gate, serving
from stock_client import Stream, connected, of_frame, refusal, results_of

from framesrv.protocol.gen import frames_pb2 as pb

MIB = 1024 * 1024


@pytest.mark.parametrize(
    "policy", [pb.DROP_POLICY_BLOCK, pb.DROP_POLICY_OLDEST, pb.DROP_POLICY_NEWEST]
)
def test_a_client_that_does_not_read_is_not_read_from(tmp_path: Path, policy: Any) -> None:
    """It sends 600 MB, of which the server takes a little; then it reads, and gets all."""
    frame = raw(bytes(MIB), 1024, 1024, pb.PIXEL_FORMAT_GRAY8)
    gray = as_it_is(pb.ENCODING_RAW, pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_GRAY8)))
    count = 600
    taken = threading.Semaphore(0)

    def requests() -> Iterator[pb.ProcessStreamRequest]:
        yield pb.ProcessStreamRequest(
            open=pb.StreamConfig(pipeline=gray, drop_policy=policy, max_in_flight_frames=8)
        )
        for _ in range(count):
            yield pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[frame]))
            taken.release()

    with serving(tmp_path) as server:
        before = server.rss_bytes
        with connected(server.address) as stub:
            call = stub.ProcessStream(requests(), timeout=120)
            for _ in range(8):
                assert taken.acquire(timeout=60)
            while taken.acquire(timeout=0.3):  # until nothing is taken any more
                pass
            assert server.rss_bytes - before < 120 * MIB
            results = results_of(list(call))
        assert len(results) == count
        assert server.rss_bytes - before < 150 * MIB


def test_an_idle_stream_holds_no_message(tmp_path: Path) -> None:
    """After a large frame was answered, its bytes are let go, though nothing else comes."""
    data, streams = bytes(32 * MIB), 8
    with serving(tmp_path) as server, contextlib.ExitStack() as stack:
        idle = []
        for _ in range(streams):
            stub = stack.enter_context(connected(server.address))
            idle.append(Stream(stub, pipeline=as_it_is()))
            idle[-1].ready()
        before = server.rss_bytes
        for stream in idle:
            stream.batch(encoded(data))
            assert of_frame(stream.results(1)[0]).reason == "IMAGE_CORRUPT"
        server.stats()
        grown = server.rss_bytes - before
        assert grown < 4 * len(data), f"{grown / MIB:.0f} MiB are held for {streams} idle streams"
        for stream in idle:
            stream.half_close()
            assert stream.rest() == []


def test_refused_messages_keep_no_envelope(tmp_path: Path) -> None:
    """Streams that end badly, and whose clients do not read how, take nothing from others."""
    gate = Gate(tmp_path)
    with (
        serving(tmp_path, engine={"workers": 1}) as server,
        connected(server.address) as stub,
    ):
        streams = []
        for _ in range(20):
            stream = Stream(stub, pipeline=gate.pipeline)
            stream.ready()
            stream.batch(encoded(JPEG))
            stream.batch(*[pb.Frame()] * 65)  # refused, and not told before the first is done
            streams.append(stream)
        gate.wait_for(1)
        stats = server.until(lambda s: s["admitted"][0] == 20)
        assert "envelope" not in stats["quarantined"]
        gate.open()
        for stream in streams:
            stream.results(1)
            assert refusal(stream.read).reason == "BATCH_TOO_LARGE"
