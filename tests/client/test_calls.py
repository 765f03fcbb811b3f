"""Unary calls of both clients: results, limits, errors, retries under a fake clock."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from framesrv.client import (
    AsyncFrameClient,
    CallFailed,
    ClientClosed,
    DeadlineExceeded,
    Frame,
    FrameClient,
    InvalidRequest,
    ServerBusy,
    ServerUnavailable,
)
from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.scripted import Scripted, running, serving


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.sleep(seconds)


Ask = Callable[..., Any]


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """Calls a method of a client of its own and gives what it returns."""

    def sync(address: str, method: str, *args: Any, clock: Clock | None = None, **make: Any) -> Any:
        more: dict[str, Any] = {"clock": clock, "sleep": clock.sleep} if clock else {}
        with FrameClient(address, **more, **make) as client:
            return getattr(client, method)(*args)

    def by_loop(
        address: str, method: str, *args: Any, clock: Clock | None = None, **make: Any
    ) -> Any:
        async def main() -> Any:
            more: dict[str, Any] = {}
            if clock:
                more = {"clock": clock, "sleep": clock.sleep_async}
            async with AsyncFrameClient(address, **more, **make) as client:
                return await getattr(client, method)(*args)

        return asyncio.run(main())

    return sync if request.param == "sync" else by_loop


def test_each_frame_of_a_batch_has_its_result(ask: Ask) -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    frame = Frame(pixels, sequence=70, captured_at_ns=9, stream_id="cam", trace_id="t", crc=True)
    servicer = Scripted()
    with serving(servicer) as address:
        first, second = ask(address, "process", [b"a jpeg", frame], "thumbs")
    assert (first.ok, first.sequence, first["same"].bytes) == (True, 0, b"a jpeg")
    assert (second.sequence, second.captured_at_ns, second.stream_id, second.trace_id) == (
        70, 9, "cam", "t",
    )  # fmt: skip
    np.testing.assert_array_equal(second["same"].array, pixels)
    assert servicer.batches[0].pipeline_name == "thumbs"
    assert servicer.batches[0].frames[1].HasField("crc32c")


def test_what_the_server_says_of_itself(ask: Ask) -> None:
    with serving(Scripted()) as address:
        assert ask(address, "info").version == "scripted"


def test_an_empty_batch_has_no_results(ask: Ask) -> None:
    with serving(Scripted()) as address:
        assert ask(address, "process", []) == []


def test_a_batch_over_the_limits_is_refused_before_it_is_sent(ask: Ask) -> None:
    servicer = Scripted()
    with serving(servicer) as address:
        with pytest.raises(InvalidRequest, match="9 frames in a batch, and the server takes 8"):
            ask(address, "process", [b"x"] * 9)
        with pytest.raises(InvalidRequest, match="messages of 1,048,576 bytes") as caught:
            ask(address, "process", [bytes(600_000)] * 2)
    assert caught.value.reason == "BATCH_TOO_LARGE"
    assert servicer.batches == []


def test_a_message_over_4_mib_passes_both_ways(ask: Ask) -> None:
    info = pb.ServerInfo(max_message_bytes=64 << 20, max_batch_frames=8)
    with serving(Scripted(info=info)) as address:
        result = ask(address, "process_one", bytes([1]) * (9 << 20))
    assert len(result["same"].bytes) == 9 << 20


def test_a_refusal_keeps_its_reason_and_words(ask: Ask) -> None:
    servicer = Scripted()
    servicer.faults = [(Reason.UNKNOWN_PIPELINE, "no pipeline 'x'; there is: y", None)]
    with serving(servicer) as address, pytest.raises(InvalidRequest) as caught:
        ask(address, "process", [b"x"], "x")
    assert (caught.value.code, caught.value.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "UNKNOWN_PIPELINE",
    )
    assert str(caught.value) == "no pipeline 'x'; there is: y [NOT_FOUND, UNKNOWN_PIPELINE]"
    assert len(servicer.batches) == 1


def test_a_busy_server_is_asked_again_no_sooner_than_it_said(ask: Ask) -> None:
    clock, servicer = Clock(), Scripted()
    servicer.faults = [(Reason.QUEUE_FULL, "full", 2.0)] * 2
    with serving(servicer) as address:
        assert ask(address, "process", [b"x"], clock=clock)[0].ok
    assert len(servicer.batches) == 3
    first, second = clock.slept
    assert 2.05 <= first <= 2.1
    assert 2.1 <= second <= 2.2


def test_retries_are_counted(ask: Ask) -> None:
    clock, servicer = Clock(), Scripted()
    servicer.faults = [(Reason.QUEUE_FULL, "full", 0.5)] * 9
    with serving(servicer) as address, pytest.raises(ServerBusy, match=r"retry after 0\.5 s"):
        ask(address, "process", [b"x"], clock=clock, retries=2)
    assert len(servicer.batches) == 3


def test_no_retry_goes_past_the_deadline(ask: Ask) -> None:
    clock, servicer = Clock(), Scripted()
    servicer.faults = [(Reason.DRAINING, "closing", 4.0)] * 9
    with serving(servicer) as address, pytest.raises(ServerUnavailable):
        ask(address, "process", [b"x"], clock=clock, timeout_s=10.0)
    assert len(servicer.batches) == 3
    assert clock.now < 10


@pytest.mark.parametrize("reason", [Reason.RESPONSE_TOO_LARGE, Reason.BAD_PIPELINE])
def test_no_retry_where_none_was_offered(ask: Ask, reason: Reason) -> None:
    clock, servicer = Clock(), Scripted()
    servicer.faults = [(reason, "no", None)]
    with serving(servicer) as address, pytest.raises(CallFailed):
        ask(address, "process", [b"x"], clock=clock)
    assert clock.slept == []


def test_nobody_there_is_said_in_words(ask: Ask) -> None:
    with serving(Scripted()) as address:
        pass
    clock = Clock()
    with pytest.raises(ServerUnavailable) as caught:
        ask(address, "info", clock=clock)
    assert f"no framesrv at {address} (connection refused): start one with `framesrv serve`" in str(
        caught.value
    )
    assert len(clock.slept) == 3


def test_no_answer_in_time(ask: Ask) -> None:
    class Slow(Scripted):
        def GetServerInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
            gone = asyncio.run(self._gone(context))
            assert gone
            return self.info

        async def _gone(self, context: Any) -> bool:
            done = asyncio.Event()
            loop = asyncio.get_running_loop()
            context.add_callback(lambda: loop.call_soon_threadsafe(done.set))
            return await done.wait()

    with serving(Slow()) as address, pytest.raises(DeadlineExceeded, match="no answer from"):
        ask(address, "info", 0.2)


def test_a_unix_socket(ask: Ask, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/s"
    with serving(Scripted(), address):
        assert ask(address, "process_one", b"x").ok
    with pytest.raises(ServerUnavailable, match="no such socket"):
        ask(f"unix:{tmp_path}/none", "info", retries=0)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_tls(ask: Ask, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",  # noqa: S607
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=framesrv",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    pair = [(key.read_bytes(), cert.read_bytes())]
    credentials = grpc.ssl_server_credentials(pair, cert.read_bytes(), True)  # of the client, too
    with running(Scripted(), credentials=credentials) as (address, _):
        sure = {"tls_ca": cert, "tls_cert": cert, "tls_key": key}
        assert ask(address, "info", **sure).version == "scripted"
        with pytest.raises(ServerUnavailable):
            ask(address, "info", retries=0)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"address": "localhost"}, "HOST:PORT"),
        ({"address": "localhost:99999"}, "HOST:PORT"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"retries": -1}, "retries"),
        ({"tls_cert": "a"}, "go together"),
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FrameClient(**{"address": "127.0.0.1:1", **wrong})


def test_one_frame_is_no_batch() -> None:
    with FrameClient("127.0.0.1:1") as client:
        for single in (b"jpeg", np.zeros((2, 2, 3), np.uint8), Frame(b"x")):
            with pytest.raises(TypeError, match="process_one"):
                client.process(single)  # type: ignore[arg-type]


def test_closing_twice_does_no_harm_and_using_after_it_is_an_error() -> None:
    client = FrameClient("127.0.0.1:1")
    client.close()
    client.close()
    with pytest.raises(ClientClosed):
        client.info()
    with pytest.raises(ClientClosed):
        client.stream([])


def test_more_results_than_frames_are_not_taken_for_answers(ask: Ask) -> None:
    class Generous(Scripted):
        def ProcessBatch(self, request: Any, context: Any) -> Any:  # noqa: N802
            return pb.ProcessBatchResponse(results=[pb.FrameResult()] * 2)

    with serving(Generous()) as address, pytest.raises(CallFailed, match="2 results came for 1"):
        ask(address, "process", [b"x"])
