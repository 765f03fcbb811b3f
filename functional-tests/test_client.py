"""Our own client against the real server."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from server_process import ServerProcess, running_server

from framesrv.client import (
    AsyncFrameClient,
    CallFailed,
    FrameClient,
    Output,
    Pipeline,
    convert,
    crop,
    resize,
)

SMALL = Pipeline(Output("small", [resize(32, 24)], encoding="raw"))


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


def scene(number: int, width: int = 160, height: int = 120) -> np.ndarray[Any, Any]:
    """A grey that says which frame it is."""
    return np.full((height, width, 3), number % 251, np.uint8)


def test_arrays_in_and_arrays_out(server: ServerProcess) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    asked = Pipeline(
        Output("cut", [crop(3, 5, 20, 10)], encoding="raw"),
        Output("grey", [convert("GRAY8")], encoding="png"),
    )
    with FrameClient(server.grpc_address) as client:
        result = client.process_one(picture, asked)
        np.testing.assert_array_equal(result["cut"].array, picture[5:15, 3:23])
        grey = cv2.imdecode(np.frombuffer(result["grey"].bytes, np.uint8), cv2.IMREAD_GRAYSCALE)
        np.testing.assert_array_equal(grey, cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))


def test_a_bad_frame_fails_alone(server: ServerProcess) -> None:
    with FrameClient(server.grpc_address) as client:
        results = client.process([scene(1), b"junk", scene(3)], SMALL)
    assert [result.ok for result in results] == [True, False, True]
    assert results[1].error is not None
    assert results[1].error.reason == "IMAGE_CORRUPT"


def test_a_stream_keeps_order_and_loses_nothing(server: ServerProcess) -> None:
    with (
        FrameClient(server.grpc_address) as client,
        client.stream((scene(n) for n in range(300)), SMALL, window=32, batch=4) as results,
    ):
        seen = [int(result["small"].array[0, 0, 0]) for result in results]
    assert seen == [n % 251 for n in range(300)]


def test_the_async_client_does_the_same(server: ServerProcess) -> None:
    async def talk() -> list[int]:
        async with AsyncFrameClient(server.grpc_address) as client:
            one = await client.process_one(scene(7), SMALL)
            seen = [int(one["small"].array[0, 0, 0])]
            async for result in client.stream([scene(n) for n in range(100)], SMALL):
                seen.append(int(result["small"].array[0, 0, 0]))  # noqa: PERF401 - needs 3.13
            return seen

    assert asyncio.run(talk()) == [7, *range(100)]


def test_what_cannot_be_asked_says_why(server: ServerProcess) -> None:
    with FrameClient(server.grpc_address) as client:
        with pytest.raises(CallFailed, match="may have 32 operations") as failure:
            client.process([scene(1)], Pipeline(Output("a", [resize(8, 8)] * 33)))
        assert failure.value.reason == "BAD_PIPELINE"


def test_nobody_there_is_told_in_words() -> None:
    with running_server() as server:
        address = server.grpc_address
        server.terminate()
    with (
        FrameClient(address, retries=0) as client,
        pytest.raises(CallFailed, match="no framesrv at"),
    ):
        client.info()


def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "f.sock"
    with (
        running_server("--listen", f"unix:{path}") as server,
        FrameClient(f"unix:{path}") as client,
    ):
        assert client.process_one(scene(1), SMALL).ok
        assert server.terminate() == 0
    assert not path.exists()


def test_a_server_that_stops_answers_what_it_took() -> None:
    with running_server() as server, FrameClient(server.grpc_address) as client:
        answered = 0

        def camera() -> Iterator[np.ndarray[Any, Any]]:
            for number in range(10_000):
                if number == 50:
                    server.signal(signal.SIGTERM)
                yield scene(number)

        results = client.stream(camera(), SMALL)
        failure = None
        try:
            for result in results:
                assert result.ok or (result.error and result.error.reason == "DRAINING")
                answered += 1
        except CallFailed as error:
            failure = error
        assert failure is not None
        assert failure.reason in ("DRAINING", "")
        assert answered >= 50
        assert server.wait() == 0
