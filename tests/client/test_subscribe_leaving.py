"""How a subscriber leaves: by its block, an error, forgetting, another thread, a cancelled task."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import suppress
from typing import Any

import pytest

from framesrv.client import AsyncFrameClient, FrameClient
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.conftest import Async, Sync, no_task_is_left
from tests.client.scripted import (
    Endless,
    Items,
    Quiet,
    open_until_left,
    sequences,
    serving,
    shown,
    watching,
)


def test_leaving_the_block_ends_the_call(driver: type[Sync | Async]) -> None:
    script = Endless()
    before = set(threading.enumerate())
    with serving(watching(script)) as address:
        got, _ = driver.subscribe(address, "door", take=3)
        assert script.left.wait(30)
    assert sequences(got) == [0, 1, 2]
    for thread in set(threading.enumerate()) - before:
        if "_poll_wrapper" in thread.name:
            continue  # grpc.aio's own, which stays for the life of the process
        thread.join(30)
        assert not thread.is_alive()


def test_leaving_the_block_ends_the_call_and_not_only_forgetting_it() -> None:
    """gRPC cancels what nobody holds any more. That is no plan: an error holds all it has seen."""
    script, held = Quiet(), []
    with serving(watching(script)) as address, FrameClient(address) as client:
        with client.subscribe("door") as door:
            held.append(door._call)
            next(door)
        assert script.left.wait(30)

    script = Quiet()

    async def main(address: str) -> None:
        async with AsyncFrameClient(address) as client:
            async with client.subscribe("door") as door:
                held.append(door._call)
                await anext(door)
            assert await asyncio.to_thread(script.left.wait, 30)

    with serving(watching(script)) as address:
        asyncio.run(main(address))


def test_an_error_in_the_block_ends_the_call(driver: type[Sync | Async]) -> None:
    script = Quiet()

    class Broken(list[Any]):
        def append(self, item: Any) -> None:
            raise LookupError("a fault of the program's")

    with serving(watching(script)) as address:
        with pytest.raises(LookupError):
            driver.subscribe(address, "door", got=Broken())
        assert script.left.wait(30)


def test_one_that_is_forgotten_ends_its_call() -> None:
    script = Quiet()
    with serving(watching(script)) as address, FrameClient(address) as client:
        subscription = client.subscribe("door")
        next(subscription)
        del subscription
        gc.collect()
        assert script.left.wait(30)


def test_one_that_is_forgotten_in_a_task_ends_its_call() -> None:
    script = Quiet()

    async def main(address: str) -> None:
        async with AsyncFrameClient(address) as client:
            subscription = client.subscribe("door")
            await anext(subscription)
            del subscription
            gc.collect()
            assert await asyncio.to_thread(script.left.wait, 30)

    with serving(watching(script)) as address:
        asyncio.run(main(address))


def test_the_call_is_begun_where_no_interrupt_can_strike() -> None:
    """Between gRPC's making a call and its starting a thread for it, one would never end."""
    begun: list[threading.Thread] = []
    with serving(watching(Quiet())) as address, FrameClient(address) as client:
        subscription = client.subscribe("door")
        start = subscription._start

        def noting(request: bytes) -> Any:
            begun.append(threading.current_thread())
            return start(request)

        subscription._start = noting
        with subscription:
            next(subscription)
    assert len(begun) == 1
    assert threading.main_thread() not in begun


class Waited:
    """A call that says when it is waited for."""

    def __init__(self, call: Any, waiting: threading.Event) -> None:
        self._call = call
        self._waiting = waiting

    def __next__(self) -> Any:
        self._waiting.set()
        return next(self._call)

    def cancel(self) -> None:
        self._call.cancel()


def test_another_thread_may_close_it_while_nothing_comes() -> None:
    with serving(watching(Quiet())) as address, FrameClient(address) as client:
        subscription = client.subscribe("door")
        got = [next(subscription)]
        waiting = threading.Event()
        subscription._call = Waited(subscription._call, waiting)

        def close() -> None:
            assert waiting.wait(30)
            subscription.close()

        closer = threading.Thread(target=close)
        closer.start()
        got.extend(subscription)  # ends without an error
        closer.join(30)
        assert list(subscription) == []
    assert sequences(got) == [0]


def test_another_task_may_close_it_while_nothing_comes() -> None:
    async def main(address: str) -> list[Any]:
        async with AsyncFrameClient(address) as client:
            subscription = client.subscribe("door")
            got = [await anext(subscription)]
            reading = asyncio.create_task(anext(subscription, None))
            while subscription._call is None or subscription._call._reader is None:
                await asyncio.sleep(0)
            await subscription.aclose()
            no_task_is_left()
            assert await reading is None
            return got

    with serving(watching(Quiet())) as address:
        assert sequences(asyncio.run(main(address))) == [0]


def test_a_task_that_is_cancelled_ends_the_call() -> None:
    script = Quiet()

    async def main(address: str) -> None:
        waiting = asyncio.Event()

        async def watch() -> None:
            async with AsyncFrameClient(address) as client, client.subscribe("door") as door:
                async for _ in door:
                    waiting.set()

        task = asyncio.create_task(watch())
        await waiting.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        no_task_is_left()
        assert await asyncio.to_thread(script.left.wait, 30)

    with serving(watching(script)) as address:
        asyncio.run(main(address))


def test_a_cancelled_wait_loses_no_item() -> None:
    more = threading.Event()

    def two(request: pb.SubscribeRequest, context: Any) -> Items:
        yield shown(0)
        assert more.wait(30)
        yield shown(1)
        open_until_left(context)

    async def main(address: str) -> list[Any]:
        async with AsyncFrameClient(address) as client, client.subscribe("door") as door:
            frames = door.frames()
            got = [await anext(frames)]

            async def one() -> Any:
                return await anext(frames)

            waiting = asyncio.create_task(one())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            more.set()
            return [*got, await anext(frames)]

    with serving(watching(two)) as address:
        assert sequences(asyncio.run(main(address))) == [0, 1]


def test_left_before_anything_has_come(
    driver: type[Sync | Async], caplog: pytest.LogCaptureFixture
) -> None:
    with serving(watching(Quiet())) as address:
        if driver is Sync:
            with FrameClient(address) as client, client.subscribe("door") as door:
                pass
            assert list(door) == []
        else:

            async def main() -> None:
                async with AsyncFrameClient(address) as client, client.subscribe("door") as door:
                    pass
                assert [item async for item in door] == []

            asyncio.run(main())
    # gRPC's own poller may complain of itself.
    assert not [each for each in caplog.messages if "never retrieved" in each]
