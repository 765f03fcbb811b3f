"""How streams end that do not end well: errors, a server that dies, GoAway, silence."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from framesrv.client import (
    AsyncFrameClient,
    CallFailed,
    DeadlineExceeded,
    ServerDraining,
    ServerUnavailable,
)
from framesrv.errors import Reason
from tests.client.conftest import Sync
from tests.client.scripted import (
    JPEG,
    Requests,
    Responses,
    Scripted,
    echo,
    frames,
    go_away,
    ready,
    refuse,
    results,
    running,
    sequences,
    serving,
)


def test_results_before_an_error_are_yielded_first(driver: type[Sync]) -> None:
    def three_then_error(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        for request in itertools.islice(requests, 3):
            yield results(request.batch.frames)
        next(requests)
        refuse(context, Reason.SLOW_CONSUMER, "read faster")

    got: list[Any] = []
    with serving(Scripted(three_then_error)) as address, pytest.raises(CallFailed) as caught:
        driver.stream(address, frames(50), got, window=5)
    assert sequences(got) == [0, 1, 2]
    assert caught.value.reason == "SLOW_CONSUMER"
    assert caught.value.unanswered >= 1


def test_results_are_not_lost_when_a_write_fails_before_they_are_read() -> None:
    """With grpc.aio's own ``call.read()`` they are, and the status with them."""
    ended = threading.Event()

    def hasty(requests: Requests, context: Any) -> Responses:
        context.add_callback(ended.set)
        next(requests)
        yield ready()
        for request in list(itertools.islice(requests, 6)):
            yield results(request.batch.frames)
        refuse(context, Reason.SLOW_CONSUMER, "read faster")

    got: list[Any] = []

    async def main(address: str) -> None:
        async with (
            AsyncFrameClient(address) as client,
            client.stream(frames(9), window=6) as stream,
        ):
            got.append(await anext(stream))
            assert ended.wait(30)  # nobody reads what is written from here on
            async for result in stream:
                got.append(result)
                await asyncio.sleep(0)

    with serving(Scripted(hasty)) as address, pytest.raises(CallFailed, match="read faster"):
        asyncio.run(main(address))
    assert sequences(got) == [0, 1, 2, 3, 4, 5]


def test_a_server_that_dies_in_the_middle(driver: type[Sync]) -> None:
    dead = threading.Event()

    def kill() -> None:
        server.stop(0).wait()
        dead.set()

    def dying(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        first, _ = next(requests), next(requests)
        yield results(first.batch.frames)
        threading.Thread(target=kill).start()
        list(requests)

    got: list[Any] = []
    with running(Scripted(dying)) as (address, server):
        with pytest.raises(CallFailed) as caught:
            driver.stream(address, frames(9), got, window=2)
        assert dead.wait(30)
    assert sequences(got) == [0]
    assert caught.value.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert caught.value.unanswered >= 1  # whether the next was sent is a race


def leaving_after(number: int) -> Any:
    def script(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        for request in itertools.islice(requests, number):
            yield results(request.batch.frames)
        yield go_away()
        for request in requests:  # until the half-close
            yield results(request.batch.frames)

    return script


def test_go_away_lets_what_was_sent_come_home(driver: type[Sync]) -> None:
    got: list[Any] = []
    with (
        serving(Scripted(leaving_after(4))) as address,
        pytest.raises(ServerDraining, match="new version") as caught,
    ):
        driver.stream(address, frames(100), got, window=3)
    assert len(got) >= 4
    assert sequences(got) == list(range(len(got)))
    assert caught.value.unanswered == 0


def test_go_away_at_the_end_of_a_list_is_no_error(driver: type[Sync]) -> None:
    with serving(Scripted(leaving_after(4))) as address:
        assert len(driver.stream(address, [JPEG] * 4, window=4)) == 4


def test_a_stream_resumes_elsewhere_without_a_loss(driver: type[Sync]) -> None:
    servicer = Scripted(leaving_after(4), leaving_after(1), leaving_after(0), echo)
    with serving(servicer) as address:
        got = driver.stream(address, frames(60), window=7, batch=2, resume=True)
    assert sequences(got) == list(range(60))
    assert servicer.info_calls == 4  # the limits of whoever is there now


def test_resuming_is_given_up_where_nobody_answers(driver: type[Sync]) -> None:
    def at_once(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield go_away()
        yield ready()
        assert list(requests) == []

    with serving(Scripted(at_once)) as address, pytest.raises(ServerDraining):
        driver.stream(address, frames(3), resume=True)


def test_go_away_while_the_iterable_blocks() -> None:
    """The half-close cannot be sent then; with all answered, nothing is lost by a cancel."""
    more = threading.Event()

    def blocking() -> Iterator[bytes]:
        yield JPEG
        assert more.wait(30)
        yield JPEG

    got: list[Any] = []
    with serving(Scripted(leaving_after(1), echo)) as address:
        with pytest.raises(ServerDraining):
            Sync.stream(address, blocking(), got)
        assert not more.is_set()
        more.set()
    assert sequences(got) == [0]


def test_a_frame_pulled_during_go_away_is_sent_on_the_next_call() -> None:
    again = threading.Event()

    def second(requests: Requests, context: Any) -> Responses:
        again.set()
        return echo(requests, context)

    def blocking() -> Iterator[bytes]:
        yield JPEG
        assert again.wait(30)
        yield from frames(5)

    with serving(Scripted(leaving_after(1), second)) as address:
        assert sequences(Sync.stream(address, blocking(), resume=True)) == list(range(6))


def test_opening_is_tried_again_and_takes_no_frame_before(driver: type[Sync]) -> None:
    taken: list[int] = []

    def counted() -> Iterator[bytes]:
        for place in range(3):
            taken.append(place)
            yield JPEG

    def busy(requests: Requests, context: Any) -> Responses:
        next(requests)
        refuse(context, Reason.TOO_MANY_STREAMS, f"full, {len(taken)} taken", 0.5)
        yield ready()

    with serving(Scripted(busy, busy, echo)) as address:
        assert sequences(driver.stream(address, counted())) == [0, 1, 2]
    taken.clear()
    with serving(Scripted(busy)) as address, pytest.raises(CallFailed, match="0 taken"):
        driver.stream(address, counted())


def test_a_stream_that_was_answered_is_not_tried_again(driver: type[Sync]) -> None:
    def once(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        yield results(next(requests).batch.frames)
        refuse(context, Reason.DRAINING, "closing", 0.1)

    got: list[Any] = []
    with serving(Scripted(once, echo)) as address, pytest.raises(ServerUnavailable):
        driver.stream(address, frames(9), got, window=1)
    assert sequences(got) == [0]


@pytest.mark.parametrize("ready_first", [True, False])
def test_an_answer_overdue_is_a_deadline(driver: type[Sync], ready_first: bool) -> None:
    def silent(requests: Requests, context: Any) -> Responses:
        gone = threading.Event()
        context.add_callback(gone.set)
        next(requests)
        if ready_first:
            yield ready()
        assert gone.wait(30)

    with (
        serving(Scripted(silent)) as address,
        pytest.raises(DeadlineExceeded, match="no answer on the stream") as caught,
    ):
        driver.stream(address, [JPEG] * 2, client={"timeout_s": 0.3, "retries": 0})
    assert caught.value.unanswered == 2 * ready_first


def test_a_server_that_answers_too_much_or_too_little(driver: type[Sync]) -> None:
    def twice(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        for request in requests:
            yield results([*request.batch.frames, *request.batch.frames])

    def cut(requests: Requests, context: Any) -> Responses:
        next(requests)
        yield ready()
        list(requests)

    with serving(Scripted(twice)) as address, pytest.raises(CallFailed, match="2 results came for"):
        driver.stream(address, frames(1))
    with (
        serving(Scripted(cut)) as address,
        pytest.raises(CallFailed, match="ended the stream early"),
    ):
        driver.stream(address, frames(1))
