"""How subscriptions end: left, cancelled, closed by another thread, refused, cut off, drained."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
import pytest

from framesrv.client import (
    AsyncFrameClient,
    CallFailed,
    ClientClosed,
    DeadlineExceeded,
    FrameClient,
    InvalidRequest,
    ServerDraining,
    ServerUnavailable,
    SlowConsumer,
)
from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.conftest import Async, Sync, no_task_is_left
from tests.client.scripted import (
    Items,
    Watched,
    closing,
    open_until_left,
    refuse,
    running,
    sequences,
    serving,
    shown,
    watching,
)


class Endless:
    """Frames until the subscriber has left, which it notes."""

    def __init__(self) -> None:
        self.left = threading.Event()

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        number = 0
        while not self.left.is_set():
            yield shown(number)
            number += 1


class Quiet(Endless):
    """One frame, and then nothing."""

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        yield shown(0)
        assert self.left.wait(30)


class Silent(Endless):
    """It does not even say that it has taken the subscription."""

    def __call__(self, request: pb.SubscribeRequest, context: Any) -> Items:
        if not context.add_callback(self.left.set):
            self.left.set()
        assert self.left.wait(30)
        yield shown(0)


def ending(*before: pb.SubscribeResponse, how: Callable[[Any], None] | None = None) -> Watched:
    def script(request: pb.SubscribeRequest, context: Any) -> Items:
        yield from before
        if how is not None:
            how(context)

    return script


def refusing(reason: Reason, text: str = "no", retry_after_s: float | None = None) -> Any:
    return lambda context: refuse(context, reason, text, retry_after_s)


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


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.UNKNOWN_STREAM, InvalidRequest),
        (Reason.BAD_CONFIG, InvalidRequest),
        (Reason.NOT_OFFERED, InvalidRequest),
        (Reason.SLOW_CONSUMER, SlowConsumer),
    ],
)
def test_a_refusal_has_its_type_and_reason(
    driver: type[Sync | Async], reason: Reason, kind: type[CallFailed]
) -> None:
    got: list[Any] = []
    with serving(watching(ending(shown(0), how=refusing(reason, "the words")))) as address:
        with pytest.raises(kind, match="the words") as caught:
            driver.subscribe(address, "door", got=got)
        assert caught.value.reason == reason
    assert sequences(got) == [0]


def test_opening_is_tried_again_until_something_has_come(driver: type[Sync | Async]) -> None:
    busy = ending(how=refusing(Reason.TOO_MANY_STREAMS, "full", 0.5))
    broken = ending(shown(5), how=refusing(Reason.DRAINING, "closing", 0.1))
    got: list[Any] = []
    with (
        serving(watching(busy, busy, broken, Endless())) as address,
        pytest.raises(ServerUnavailable),
    ):
        driver.subscribe(address, "door", got=got)
    assert sequences(got) == [5]
    with serving(watching(busy)) as address, pytest.raises(CallFailed, match="full"):
        driver.subscribe(address, "door")


def test_a_server_that_does_not_take_it_is_not_waited_for_for_ever(
    driver: type[Sync | Async],
) -> None:
    silent = Silent()
    with serving(watching(silent)) as address:
        with pytest.raises(DeadlineExceeded, match=r"within 0\.2 s"):
            driver.subscribe(address, "door", client={"timeout_s": 0.2})
        assert silent.left.wait(30)


@pytest.mark.parametrize(
    "how",
    [
        None,
        refusing(Reason.DRAINING, "closing", 1.0),
        lambda context: context.abort(grpc.StatusCode.UNAVAILABLE, "the connection broke"),
    ],
    ids=["ok", "draining", "broken"],
)
def test_a_server_that_closes_is_draining(driver: type[Sync | Async], how: Any) -> None:
    got: list[Any] = []
    with serving(watching(ending(shown(0), closing(), how=how))) as address:
        with pytest.raises(ServerDraining, match="new version") as caught:
            driver.subscribe(address, "door", got=got, only="frames")
        assert (caught.value.reason, len(got)) == ("DRAINING", 1)


def test_an_error_after_a_go_away_keeps_its_own_reason(driver: type[Sync | Async]) -> None:
    slow = ending(closing(), how=refusing(Reason.SLOW_CONSUMER))
    with serving(watching(slow)) as address, pytest.raises(SlowConsumer):
        driver.subscribe(address, "door")


def test_an_end_without_a_reason_is_no_success(driver: type[Sync | Async]) -> None:
    with (
        serving(watching(ending(shown(0)))) as address,
        pytest.raises(CallFailed, match="without a reason"),
    ):
        driver.subscribe(address, "door")


def test_a_server_that_dies(driver: type[Sync | Async]) -> None:
    dead = threading.Event()

    def kill() -> None:
        server.stop(0).wait()
        dead.set()

    def dying(context: Any) -> None:
        threading.Thread(target=kill).start()
        open_until_left(context)

    got: list[Any] = []
    with running(watching(ending(shown(0), how=dying))) as (address, server):
        with pytest.raises(CallFailed) as caught:
            driver.subscribe(address, "door", got=got)
        assert dead.wait(30)
    assert sequences(got) == [0]
    assert caught.value.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


def test_nobody_there_is_told_in_words(driver: type[Sync | Async]) -> None:
    with serving(watching(Quiet())) as address:
        pass
    with pytest.raises(ServerUnavailable, match="no framesrv at"):
        driver.subscribe(address, "door")


def test_a_client_that_is_closed(driver: type[Sync | Async]) -> None:
    with serving(watching(Quiet())) as address:
        if driver is Sync:
            client = FrameClient(address)
            subscription = client.subscribe("door")
            next(subscription)
            client.close()
            with pytest.raises(CallFailed) as caught:
                next(subscription)
            with pytest.raises(ClientClosed):
                client.subscribe("door")
        else:

            async def main() -> pytest.ExceptionInfo[CallFailed]:
                client = AsyncFrameClient(address)
                subscription = client.subscribe("door")
                await anext(subscription)
                await client.close()
                with pytest.raises(CallFailed) as caught:
                    await anext(subscription)
                with pytest.raises(ClientClosed):
                    client.subscribe("door")
                return caught

            caught = asyncio.run(main())
        assert caught.value.code is grpc.StatusCode.CANCELLED
