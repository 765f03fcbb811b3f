"""Our own client watches what it publishes itself, against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Thread
from typing import Any, Self

import numpy as np
import pytest
from server_process import WAIT_S, ServerProcess, running_server

from framesrv.client import (
    AsyncFrameClient,
    Count,
    Frame,
    FrameClient,
    Gap,
    InvalidRequest,
    Item,
    Merge,
    Mosaic,
    Output,
    Pipeline,
    Result,
    ServerDraining,
    ServerUnavailable,
    StreamEvent,
    Subscription,
    resize,
)

SMALL = Pipeline(Output("small", [resize(32, 24)], encoding="raw"), Output("jpeg", encoding="jpeg"))
STARTED, ENDED = StreamEvent("door", "started"), StreamEvent("door", "ended")


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


@pytest.fixture
def client(server: ServerProcess) -> Iterator[FrameClient]:
    with FrameClient(server.grpc_address) as made:
        yield made


def scene(number: int, at_s: float = 0.0) -> Frame:
    """A grey that says which frame it is."""
    pixels = np.full((48, 64, 3), number, np.uint8)
    return Frame(pixels, captured_at_ns=round((1e9 + at_s) * 1e9))


class Publisher:
    """A stream that is fed by hand, and stays until the end of the block."""

    def __init__(self, client: FrameClient, stream_id: str) -> None:
        self._frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._results = client.stream(
            iter(self._frames.get, None), SMALL, stream_id=stream_id, publish=True
        )

    def show(self, *frames: Frame) -> None:
        """When it returns, they are published."""
        for frame in frames:
            self._frames.put(frame)
        for _ in frames:
            assert next(self._results).ok

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._frames.put(None)
        assert list(self._results) == []


def number_of(result: Result) -> int:
    return int(result["small"].array[0, 0, 0])


def up_to(subscription: Subscription, last: StreamEvent) -> list[Item]:
    found = []
    for item in subscription:
        found.append(item)
        if item == last:
            break
    return found


def test_frames_arrive_in_order_with_their_publishers_news(client: FrameClient) -> None:
    with client.subscribe("door", wait=True, outputs=["small"]) as door:
        with Publisher(client, "door") as publisher:
            publisher.show(*map(scene, range(5)))
        items = up_to(door, ENDED)
        assert items[0] == STARTED
        assert [number_of(each) for each in items[1:-1] if isinstance(each, Result)] == [*range(5)]
        assert {name for each in items[1:-1] for name in each.outputs} == {"small"}  # type: ignore[union-attr]
        with Publisher(client, "door") as publisher:  # the next one of that name
            publisher.show(scene(7))
        again = up_to(door, ENDED)
        assert (again[0], len(again)) == (STARTED, 3)
    assert door.total == Count(6, 0)


def test_received_is_delivered_and_the_gaps(client: FrameClient) -> None:
    """Whoever reads late has lost frames, and knows how many of which."""
    with client.subscribe("door", wait=True, queue_frames=3) as door:
        with Publisher(client, "door") as publisher:
            publisher.show(*map(scene, range(100)))
        items = up_to(door, ENDED)
    frames = [item for item in items if isinstance(item, Result)]
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [number_of(each) for each in frames[-3:]] == [97, 98, 99]
    assert door.total.delivered == len(frames)
    assert door.total.missed == sum(gap.dropped_frames for gap in gaps) > 0
    assert door.total.received == 100
    assert door.streams == {"door": door.total}


def test_whoever_joins_late_gets_the_newest_frame_at_once(client: FrameClient) -> None:
    with Publisher(client, "door") as publisher:
        publisher.show(*map(scene, range(5)))
        with client.subscribe("door") as door:
            assert number_of(next(door.frames())) == 4
        assert door.total == Count(1, 0)


def test_every_stream_also_those_that_start_later(client: FrameClient) -> None:
    with Publisher(client, "door") as door, client.subscribe(all_streams=True) as everything:
        door.show(scene(1))
        with Publisher(client, "yard") as yard:
            yard.show(scene(2))
            frames = everything.frames()
            found = {(each.stream_id, number_of(each)) for each in (next(frames), next(frames))}
    assert found == {("door", 1), ("yard", 2)}


def test_a_merge_joins_by_capture_time(client: FrameClient) -> None:
    mosaic = Mosaic(64, 24, columns=2, encoding="png")
    merge = Merge(0.1, lateness_s=30, mosaic=mosaic)
    with Publisher(client, "door") as door, Publisher(client, "yard") as yard:
        # A window waits for the streams that are there.
        door.show(scene(1, at_s=-0.99))
        yard.show(scene(2, at_s=-0.99))
        with client.subscribe("yard", "door", merge=merge) as both:
            door.show(scene(10, at_s=0.01), scene(20, at_s=0.02), scene(30, at_s=0.11))
            yard.show(scene(200, at_s=0.05), scene(210, at_s=0.15))
            windows = both.merged()
            newest, first, second = next(windows), next(windows), next(windows)
    assert [number_of(each) for each in newest.fragments] == [2, 1]  # of before it joined
    assert first.complete
    assert first.window_close_ns - first.window_open_ns == 100_000_000
    shown = [(each.stream_id, number_of(each)) for each in first.fragments]
    assert shown == [("yard", 200), ("door", 20)]  # the newest of each, in the order asked for
    assert first.mosaic is not None
    pixels = first.mosaic.array
    assert pixels.shape == (24, 64, 3)
    assert [int(pixels[12, x, 0]) for x in (16, 48)] == [200, 20]
    assert [number_of(each) for each in second.fragments] == [210, 30]
    assert both.streams == {"yard": Count(3, 0), "door": Count(3, 1)}  # one gave way to a newer one


def test_what_cannot_be_watched_says_why(client: FrameClient) -> None:
    with client.subscribe("nobody") as found, pytest.raises(InvalidRequest, match="nobody") as no:
        next(found)
    assert no.value.reason == "UNKNOWN_STREAM"
    with (
        client.subscribe("a", "b", merge=Merge(1, mosaic=Mosaic(columns=9)), wait=True) as found,
        pytest.raises(InvalidRequest, match="9 columns for 2 streams") as no,
    ):
        next(found)
    assert no.value.reason == "BAD_CONFIG"


def test_a_second_publisher_waits_until_the_first_is_gone(client: FrameClient) -> None:
    with Publisher(client, "door") as first:
        first.show(scene(1))
        with pytest.raises(InvalidRequest) as taken:
            next(client.stream([scene(2)], SMALL, stream_id="door", publish=True))
        assert taken.value.reason == "STREAM_TAKEN"
    assert next(client.stream([scene(2)], SMALL, stream_id="door", publish=True)).ok


def test_the_async_client_does_the_same(server: ServerProcess) -> None:
    async def publish(client: AsyncFrameClient) -> None:
        async for result in client.stream(
            [scene(number) for number in range(50)], SMALL, stream_id="hall", publish=True
        ):
            assert result.ok

    async def main() -> tuple[list[int], Any]:
        async with AsyncFrameClient(server.grpc_address) as client:
            async with client.subscribe("hall", wait=True, queue_frames=64) as hall:
                publishing = asyncio.create_task(publish(client))
                found = []
                async for item in hall:
                    if isinstance(item, Result):
                        found.append(number_of(item))
                    elif item == StreamEvent("hall", "ended"):
                        break
                await publishing
            return found, hall.total

    assert asyncio.run(main()) == ([*range(50)], Count(50, 0))


def test_a_server_that_stops_ends_a_subscription_with_its_reason() -> None:
    with running_server() as server, FrameClient(server.grpc_address) as client:
        with client.subscribe("door", wait=True) as door:
            stopping = Thread(target=server.terminate)
            stopping.start()
            with pytest.raises(ServerDraining, match="about to stop"):
                list(door)
        stopping.join(WAIT_S)
        assert server.wait() == 0


def test_a_server_that_is_gone_is_told() -> None:
    with (
        running_server() as server,
        FrameClient(server.grpc_address) as client,
        client.subscribe(all_streams=True) as everything,
    ):
        next(client.stream([scene(1)], SMALL, stream_id="door", publish=True))
        next(everything.frames())
        server.process.kill()
        with pytest.raises(ServerUnavailable):
            list(everything)
