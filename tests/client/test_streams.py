"""Streams of both clients against scripted servers: each frame answered once, in order."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.client import (
    AsyncFrameClient,
    InvalidRequest,
)
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.conftest import Async, Sync
from tests.client.scripted import (
    JPEG,
    Requests,
    Responses,
    Scripted,
    echo,
    frames,
    ready,
    results,
    sequences,
    serving,
)


class Grouping:
    """Answers in groups of any size, some frames as dropped, and watches the window."""

    def __init__(self, window: int, groups: list[int], dropped: set[int]) -> None:
        self.window = window
        self.groups = itertools.cycle(groups)
        self.dropped = dropped
        self.most = 0

    def __call__(self, requests: Requests, context: Any) -> Responses:
        config = next(requests).open
        yield ready(self.window, batch=3)
        pending: list[pb.Frame] = []
        window = min(self.window, config.max_in_flight_frames)
        group = next(self.groups)
        for request in requests:
            pending += request.batch.frames
            self.most = max(self.most, len(pending))
            while len(pending) >= group or (len(pending) + 2 >= window and pending):
                yield self.answer(pending[:group])
                del pending[:group]
                group = next(self.groups)
        if pending:
            yield self.answer(pending)

    def answer(self, some: list[pb.Frame]) -> pb.ProcessStreamResponse:
        message = results(some)
        for result in message.results.results:
            if result.sequence in self.dropped:
                result.status = pb.FRAME_STATUS_DROPPED
        return message


@given(
    number=st.integers(0, 40),
    windows=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    batch=st.integers(1, 12),
    groups=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    dropped=st.sets(st.integers(0, 40)),
    drop=st.sampled_from(["block", "oldest", "newest"]),
    driver=st.sampled_from([Sync, Async]),
)
def test_each_frame_has_one_result_in_order(  # noqa: PLR0917
    number: int,
    windows: tuple[int, int],
    batch: int,
    groups: list[int],
    dropped: set[int],
    drop: str,
    driver: type[Sync],
) -> None:
    ours, theirs = windows
    script = Grouping(theirs, groups, dropped)
    with serving(Scripted(script)) as address:
        got = driver.stream(address, frames(number), window=ours, batch=min(batch, ours), drop=drop)
    assert sequences(got) == list(range(number))
    assert {result.sequence for result in got if result.status == "dropped"} == {
        place for place in dropped if place < number
    }
    if drop == "block":
        assert script.most <= min(ours, theirs)


def test_the_pipe_is_kept_full(driver: type[Sync]) -> None:
    def only_when_full(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        while some := list(itertools.islice(requests, 5)):
            yield results(one for request in some for one in request.batch.frames)

    with serving(Scripted(only_when_full)) as address:
        assert len(driver.stream(address, frames(25), window=5)) == 25


def test_an_iterable_may_wait_for_its_own_results() -> None:
    got: list[Any] = []
    arrived = threading.Semaphore(0)

    class Noting(list[Any]):
        def append(self, result: Any) -> None:
            super().append(result)
            arrived.release()

    def one_at_a_time() -> Iterator[bytes]:
        for _ in range(5):
            yield JPEG
            assert arrived.acquire(timeout=30)

    got = Noting()
    with serving(Scripted()) as address:
        Sync.stream(address, one_at_a_time(), got)
    assert sequences(got) == [0, 1, 2, 3, 4]


def test_a_consumer_may_leave_early(driver: type[Sync]) -> None:
    ended = threading.Event()

    def watched(requests: Requests, context: Any) -> Responses:
        context.add_callback(ended.set)
        return echo(requests, context)

    before = set(threading.enumerate())
    with serving(Scripted(watched)) as address:
        got = driver.stream(address, itertools.repeat(JPEG), take=3)
        assert ended.wait(30)
    for thread in set(threading.enumerate()) - before:
        if "_poll_wrapper" in thread.name:
            continue  # grpc.aio's own, which stays for the life of the process
        thread.join(30)
        assert not thread.is_alive()
    assert sequences(got) == [0, 1, 2]


def test_what_the_iterable_raises_comes_after_the_results(driver: type[Sync]) -> None:
    def broken() -> Iterator[bytes]:
        yield from frames(5)
        raise LookupError("no camera")

    got: list[Any] = []
    with serving(Scripted()) as address, pytest.raises(LookupError, match="no camera"):
        driver.stream(address, broken(), got, batch=3, window=6)
    assert sequences(got) == [0, 1, 2, 3, 4]


def test_a_frame_that_is_none_of_ours_ends_the_stream_alike(driver: type[Sync]) -> None:
    got: list[Any] = []
    with serving(Scripted()) as address, pytest.raises(TypeError, match="NumPy array, bytes"):
        driver.stream(address, [JPEG, "frame"], got)
    assert sequences(got) == [0]


def test_a_frame_over_the_servers_message_is_refused_here(driver: type[Sync]) -> None:
    got: list[Any] = []
    with serving(Scripted()) as address, pytest.raises(InvalidRequest, match="1,048,576 bytes"):
        driver.stream(address, [JPEG, bytes(1 << 20)], got)
    assert len(got) == 1


def test_batches_are_cut_to_the_servers_message(driver: type[Sync]) -> None:
    sizes: list[int] = []

    def measuring(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        for request in requests:
            sizes.append(request.ByteSize())
            yield results(request.batch.frames)

    with serving(Scripted(measuring)) as address:
        got = driver.stream(address, [bytes([1]) * 400_000] * 7, batch=4)
    assert sequences(got) == list(range(7))
    assert max(sizes) <= 1 << 20
    assert len(sizes) == 4


def test_a_cancelled_wait_loses_no_result() -> None:
    async def main(address: str) -> list[Any]:
        gate = asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            yield JPEG
            await gate.wait()
            yield JPEG

        async with AsyncFrameClient(address) as client, client.stream(source()) as stream:
            got = [await anext(stream)]
            waiting = asyncio.create_task(stream.__anext__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            gate.set()
            return [*got, *[result async for result in stream]]

    with serving(Scripted()) as address:
        assert sequences(asyncio.run(main(address))) == [0, 1]


def test_the_stream_is_opened_as_asked(driver: type[Sync]) -> None:
    seen: list[pb.StreamConfig] = []

    def noting(requests: Requests, context: Any) -> Responses:
        seen.append(next(requests).open)
        yield ready()
        list(requests)

    with serving(Scripted(noting)) as address:
        driver.stream(
            address, [], pipeline="thumbs", stream_id="cam", window=9, drop="newest",
            max_age_s=0.25, publish=True,
        )  # fmt: skip
    expected = pb.StreamConfig(
        stream_id="cam",
        pipeline_name="thumbs",
        drop_policy=pb.DROP_POLICY_NEWEST,
        max_in_flight_frames=9,
        publish=True,
    )
    expected.max_age.FromMilliseconds(250)
    assert seen == [expected]


def test_an_array_may_be_filled_again_for_the_next_frame(driver: type[Sync]) -> None:
    def camera() -> Iterator[Any]:
        picture = np.empty((2, 2), np.uint8)
        for place in range(6):
            picture.fill(place)
            yield picture

    with serving(Scripted()) as address:
        got = driver.stream(address, camera(), batch=3)
    assert [result["same"].array[0, 0] for result in got] == [0, 1, 2, 3, 4, 5]
