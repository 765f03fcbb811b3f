"""Items between two event loops: in order, bounded, and none lost when somebody is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from framesrv.transport.websocket.pipe import Pipe
from tests.transport.websocket.loops import LoopThread, loop_thread


@pytest.fixture
def source() -> Iterator[LoopThread]:
    with loop_thread() as found:
        yield found


@pytest.fixture
def target() -> Iterator[LoopThread]:
    with loop_thread() as found:
        yield found


def pipe_of(source: LoopThread, target: LoopThread, capacity: int = 1) -> Pipe[int]:
    return Pipe(source.loop, target.loop, capacity)


async def put_all(pipe: Pipe[int], count: int) -> None:
    for number in range(count):
        await pipe.room()
        pipe.put(number)
    pipe.end()


async def take_all(pipe: Pipe[int]) -> list[int]:
    found = []
    while (item := await pipe.take()) is not None:
        found.append(item)
    return found


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_all_come_in_order(source: LoopThread, target: LoopThread, capacity: int) -> None:
    pipe = pipe_of(source, target, capacity)
    putting = source.start(put_all(pipe, 3000))
    assert target.run(take_all(pipe)) == list(range(3000))
    putting.result()


def test_there_is_no_room_until_one_is_taken(source: LoopThread, target: LoopThread) -> None:
    pipe = pipe_of(source, target, 2)
    source.run(pipe.room())
    pipe.put(0)
    pipe.put(1)
    with pytest.raises(RuntimeError, match="no room"):
        pipe.put(2)
    waiting = source.start(pipe.room())
    source.run(turns())
    assert not waiting.done()
    assert target.run(pipe.take()) == 0
    waiting.result(60)


def test_what_was_put_before_the_end_is_taken(source: LoopThread, target: LoopThread) -> None:
    pipe = pipe_of(source, target, 2)
    pipe.put(7)
    pipe.end()
    pipe.end()
    assert target.run(take_all(pipe)) == [7]
    assert target.run(pipe.take()) is None


def test_a_taker_that_is_cancelled_over_and_over_loses_nothing(
    source: LoopThread, target: LoopThread
) -> None:
    pipe = pipe_of(source, target)

    async def impatient() -> list[int]:
        found: list[int] = []
        for patience in range(100_000):
            task = asyncio.ensure_future(pipe.take())
            await turns(patience % 4)
            if not task.done():
                task.cancel()
            try:
                item = await task
            except asyncio.CancelledError:
                continue
            if item is None:
                return found
            found.append(item)
        raise AssertionError("it never came to the end")

    putting = source.start(put_all(pipe, 500))
    assert target.run(impatient()) == list(range(500))
    putting.result()


def test_a_putter_that_is_cancelled_leaves_the_others_their_turn(
    source: LoopThread, target: LoopThread
) -> None:
    pipe = pipe_of(source, target)
    pipe.put(0)

    async def given_up() -> None:
        task = asyncio.ensure_future(pipe.room())
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    source.run(given_up())
    putting = source.start(put_all(pipe, 10))
    assert target.run(take_all(pipe)) == [0, *range(10)]
    putting.result()


def test_the_other_loop_may_be_gone(source: LoopThread, target: LoopThread) -> None:
    pipe = pipe_of(source, target)
    taking = target.start(pipe.take())
    target.run(turns())
    target.die()
    with pytest.raises((asyncio.CancelledError, Exception)):
        taking.result(60)
    pipe.put(1)
    pipe.end()
