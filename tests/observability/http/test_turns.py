"""Answers that cost something to make: one for all who wait, and time for others after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter

import pytest

from framesrv.observability.http.turns import Turns

COST_S = 0.01


class Counter:
    """Answers with how many it has made, and takes its time."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> bytes:
        begun = perf_counter()
        while perf_counter() - begun < COST_S:
            pass
        self.made += 1
        return b"%d" % self.made


def run(body: Callable[[Turns, Counter], Awaitable[None]]) -> None:
    async def running() -> None:
        await body(Turns(), Counter())

    asyncio.run(running())


def test_a_crowd_gets_one_answer() -> None:
    async def body(turns: Turns, count: Counter) -> None:
        assert set(await asyncio.gather(*[turns.make(count) for _ in range(60)])) == {b"1"}

    run(body)


def test_who_comes_later_gets_a_later_one() -> None:
    async def body(turns: Turns, count: Counter) -> None:
        begun = perf_counter()
        assert [await turns.make(count) for _ in range(3)] == [b"1", b"2", b"3"]
        assert perf_counter() - begun > 20 * COST_S, "a tenth of the time at most"

    run(body)


def test_each_kind_is_made_for_itself_and_they_share_the_time() -> None:
    async def body(turns: Turns, count: Counter) -> None:
        other = Counter()
        begun = perf_counter()
        asked = [turns.make(count, "a"), turns.make(other, "b"), turns.make(count, "a")]
        assert await asyncio.gather(*asked) == [b"1", b"1", b"1"]
        assert perf_counter() - begun > 10 * COST_S

    run(body)


def test_one_that_goes_takes_no_answer_from_the_others() -> None:
    async def body(turns: Turns, count: Counter) -> None:
        await turns.make(count)  # so that the next has to wait
        first, second = (asyncio.ensure_future(turns.make(count)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == b"2"

    run(body)


def test_a_failure_is_told_to_all_and_ends_with_them() -> None:
    async def body(turns: Turns, count: Counter) -> None:
        def failing() -> bytes:
            raise ValueError("no")

        asked = [turns.make(failing) for _ in range(2)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in found] == [ValueError, ValueError]
        with pytest.raises(ValueError, match="no"):
            await turns.make(failing)
        assert await turns.make(count) == b"1"

    run(body)
