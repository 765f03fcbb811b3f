"""Long-lived streams: order, exactly once, windows, and that none keeps another waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from pictures import JPEG, as_it_is, coded, encoded, picture, raw
from props import Gate, Running, dice, serving
from stock_client import Stream, channel, connected, of_frame, results_of, stub_of

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

MIB = 1024 * 1024
POLICIES: list[Any] = [
    pb.DROP_POLICY_UNSPECIFIED,
    pb.DROP_POLICY_BLOCK,
    pb.DROP_POLICY_OLDEST,
    pb.DROP_POLICY_NEWEST,
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("streams"), engine={"max_in_flight_frames": 40}) as found:
        yield found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("window", [0, 1, 5])
def test_every_frame_is_answered_once_and_in_order(
    stub: FrameServiceStub, policy: Any, window: int
) -> None:
    chance = dice(f"{policy} {window}")
    stream = Stream(stub, drop_policy=policy, max_in_flight_frames=window)
    assert stream.ready().max_in_flight_frames == (window or 64)
    sent = 0
    for _ in range(20):
        frames = [
            encoded(JPEG if chance.random() < 0.8 else b"junk", sent + n)
            for n in range(chance.choice([0, 1, 1, 2, 3, 9, 30]))
        ]
        sent += len(frames)
        stream.batch(*frames)
    stream.half_close()
    results = results_of(stream.rest())
    assert [r.sequence for r in results] == list(range(sent))
    assert stream.call.code() is grpc.StatusCode.OK
    reasons = {of_frame(r).reason for r in results if r.status != pb.FRAME_STATUS_OK}
    assert reasons <= {"IMAGE_CORRUPT", "DROPPED_BY_POLICY"}
    if policy in (pb.DROP_POLICY_UNSPECIFIED, pb.DROP_POLICY_BLOCK):
        assert "DROPPED_BY_POLICY" not in reasons


def test_many_streams_at_once_each_get_their_own(server: Running) -> None:
    def one(number: int) -> None:
        chance = dice(number)
        mine = encoded(coded(picture(16, 16, number), ".png"))
        with connected(server.address) as stub:
            want = stub.ProcessBatch(
                pb.ProcessBatchRequest(pipeline=as_it_is(), frames=[mine]), timeout=60
            ).results[0]
            stream = Stream(stub, stream_id=f"s{number}", pipeline=as_it_is())
            stream.ready()
            for _ in range(10):
                count = chance.randint(1, 9)
                stream.batch(*[mine] * count)
                for result in stream.results(count):
                    assert result.stream_id == f"s{number}"
                    assert result.outputs[0].data == want.outputs[0].data
            stream.half_close()
            assert stream.rest() == []

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))


def test_nothing_at_all_and_nothing_after_open(stub: FrameServiceStub) -> None:
    silent = Stream(stub, opened=False)
    silent.half_close()
    assert silent.rest() == []
    opened = Stream(stub)
    opened.half_close()
    (ready,) = opened.rest()
    assert ready.WhichOneof("message") == "ready"
    empty = Stream(stub)
    empty.ready()
    empty.send(pb.ProcessStreamRequest())
    empty.batch()
    empty.batch(encoded(JPEG, 1))
    assert empty.results(1)[0].sequence == 1
    empty.half_close()
    assert empty.rest() == []


def test_results_stay_under_what_stock_clients_take(server: Running) -> None:
    """10 answers of 1 MiB and one of 5: only the one that cannot be split is larger."""
    million = raw(bytes(MIB), 1024, 1024, pb.PIXEL_FORMAT_GRAY8)
    gray = pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_GRAY8))
    large = raw(bytes(5 * MIB), 1024, 5 * 1024, pb.PIXEL_FORMAT_GRAY8)
    with connected(server.address) as stub:
        stream = Stream(stub, pipeline=as_it_is(pb.ENCODING_RAW, gray))
        stream.ready()
        stream.batch(*[million] * 5, large, *[million] * 5)
        stream.half_close()
        messages = stream.rest()
    assert len(results_of(messages)) == 11
    sizes = [message.ByteSize() for message in messages]
    assert sum(size > 4 * MIB for size in sizes) == 1
    assert len(messages) < 11


def test_the_window_holds(tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    with serving(tmp_path) as server, connected(server.address) as stub:
        stream = Stream(stub, pipeline=gate.pipeline, max_in_flight_frames=3)
        stream.ready()
        for n in range(20):
            stream.batch(encoded(JPEG, n))
        gate.wait_for(2)
        server.until(lambda s: s["admitted"][0] == 3)
        whole = Stream(stub, pipeline=gate.pipeline, max_in_flight_frames=3)
        whole.ready()
        whole.batch(*(encoded(JPEG, n) for n in range(9)))  # larger than the window, and alone
        assert server.until(lambda s: s["admitted"][0] >= 12)["admitted"][0] == 12
        gate.open()
        assert [r.sequence for r in stream.results(20)] == list(range(20))
        assert [r.sequence for r in whole.results(9)] == list(range(9))
        for each in (stream, whole):
            each.half_close()
            assert each.rest() == []


def test_no_stream_starves_another(tmp_path: Path) -> None:
    """One sends as fast as it can; the frames of the other wait for a window's worth at most."""
    with (
        serving(tmp_path, engine={"workers": 1}, streams={"max_in_flight_frames": 16}) as server,
        connected(server.address) as greedy,
        connected(server.address) as modest,
    ):
        over = threading.Event()

        def requests() -> Iterator[pb.ProcessStreamRequest]:
            yield pb.ProcessStreamRequest(open=pb.StreamConfig())
            batch = pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[encoded(JPEG)] * 16))
            while not over.is_set():
                yield batch

        done = 0
        call = greedy.ProcessStream(requests(), timeout=120)

        def read() -> None:
            nonlocal done
            for message in call:
                done += len(message.results.results)

        reader = threading.Thread(target=read)
        reader.start()
        stream = Stream(modest)
        stream.ready()
        waited = []
        for n in range(20):
            before = done
            stream.batch(encoded(JPEG, n))
            assert stream.results(1)[0].status == pb.FRAME_STATUS_OK
            waited.append(done - before)
        over.set()
        stream.half_close()
        assert stream.rest() == []
        reader.join(60)
        assert done > 0
        assert sorted(waited)[10] <= 3 * 16, waited


def test_a_large_message_does_not_keep_others_waiting(server: Running) -> None:
    """The loop that reads 60 MiB of one client answers another meanwhile."""
    with connected(server.address) as large, connected(server.address) as small:
        stop = threading.Event()
        message = pb.ProcessBatchRequest(frames=[encoded(bytes(60 * MIB))])

        def flood() -> None:
            while not stop.is_set():
                large.ProcessBatch(message, timeout=60)

        with ThreadPoolExecutor(1) as pool:
            flooding = pool.submit(flood)
            for _ in range(20):
                assert small.GetServerInfo(pb.GetServerInfoRequest(), timeout=5).version
            stop.set()
            flooding.result(60)


def test_what_the_channel_s_own_limits_do(server: Running) -> None:
    """More calls than one connection may have wait for their turn, and all are served."""
    with channel(server.address) as line, ThreadPoolExecutor(4) as pool:
        stub = stub_of(line)
        request = pb.ProcessBatchRequest(frames=[encoded(JPEG)])
        futures = [stub.ProcessBatch.future(request, timeout=60) for _ in range(30)]
        infos = [
            pool.submit(stub.GetServerInfo, pb.GetServerInfoRequest(), timeout=60) for _ in range(4)
        ]
        assert all(info.result(60).version for info in infos)
        for future in futures:
            assert future.result(60).results[0].status == pb.FRAME_STATUS_OK
