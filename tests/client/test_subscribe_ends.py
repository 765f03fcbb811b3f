"""How a server ends subscriptions: refused, cut off, drained, or never taken."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
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
from tests.client.conftest import Async, Sync
from tests.client.scripted import (
    Endless,
    Items,
    Quiet,
    Silent,
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


def ending(*before: pb.SubscribeResponse, how: Callable[[Any], None] | None = None) -> Watched:
    def script(request: pb.SubscribeRequest, context: Any) -> Items:
        yield from before
        if how is not None:
            how(context)

    return script


def refusing(reason: Reason, text: str = "no", retry_after_s: float | None = None) -> Any:
    return lambda context: refuse(context, reason, text, retry_after_s)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.UNKNOWN_STREAM, InvalidRequest),
        (Reason.BAD_CONFIG, InvalidRequest),
        (Reason.UNKNOWN_OP, InvalidRequest),
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
