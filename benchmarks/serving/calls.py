"""Calls by the thousand from one event loop, and what became of each of them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Self

import grpc

from benchmarks.serving import streaming
from benchmarks.serving.load import BATCH, OPTIONS, STREAM, Options
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.status import DETAILS_KEY, read_rich_status

Step = Callable[[int], object]  # told how many have been done


@dataclass(slots=True)
class Outcomes:
    """Every call is counted once: answered, refused by the server, or lost."""

    frames: int = 0  # answered with a picture
    failed: int = 0  # answered with an error
    calls: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason, with a time to come back
    lost: Counter[str] = field(default_factory=Counter)  # no answer, or one without advice
    seconds: list[float] = field(default_factory=list)  # of the calls that were answered
    elapsed_s: float = 0.0

    @property
    def fps(self) -> float:
        return self.frames / self.elapsed_s if self.elapsed_s else 0.0

    def check(self) -> None:
        """For loads that a server is to answer whole."""
        if self.failed or self.lost or self.refused or not self.frames:
            raise RuntimeError(
                f"{self.frames} frames are fine, {self.failed} failed; calls lost {self.lost}, "
                f"refused {self.refused}"
            )

    def answered(self, results: Any, took_s: float) -> None:
        fine = sum(result.status == pb.FRAME_STATUS_OK for result in results)
        self.frames += fine
        self.failed += len(results) - fine
        self.seconds.append(took_s)

    def not_answered(self, error: grpc.aio.AioRpcError) -> float | None:
        """When the server says to come again; None if it does not."""
        told = read_rich_status(_detail(error))
        if not told.reason or told.retry_after_s is None:
            self.lost[told.reason or error.code().name] += 1
            return None
        self.refused[told.reason] += 1
        return told.retry_after_s


class Crowd:
    """Connections to one server. ``messages`` are taken in turns."""

    def __init__(self, target: str, messages: Sequence[bytes], connections: int) -> None:
        self._target = target
        self._messages = messages
        self._connections = connections
        self._sends: list[Any] = []
        self.outcomes = Outcomes()

    async def __aenter__(self) -> Self:
        self._open = AsyncExitStack()
        for number in range(self._connections):
            link = await self._open.enter_async_context(channel(self._target, number))
            await asyncio.wait_for(link.channel_ready(), 30)
            self._sends.append(link.unary_unary(BATCH))
        self._began = perf_counter()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.outcomes.elapsed_s = perf_counter() - self._began
        await self._open.aclose()

    async def call(self, turn: int, due: float) -> float | None:
        """One call; when to try again, if it was refused."""
        send = self._sends[turn % len(self._sends)]
        self.outcomes.calls += 1
        try:
            data = await send(self._messages[turn % len(self._messages)])
        except grpc.aio.AioRpcError as error:
            return self.outcomes.not_answered(error)
        results = pb.ProcessBatchResponse.FromString(data).results
        self.outcomes.answered(results, perf_counter() - due)
        return None


def channel(target: str, number: int, options: Options = OPTIONS) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(target, options=[*options, ("benchmark.connection", number)])


def closed_loop(
    target: str, messages: Sequence[bytes], calls: int, connections: int, step: Step = int
) -> Outcomes:
    """One call at a time on each connection. Who is refused comes again when told to."""

    async def run() -> Outcomes:
        turns = iter(range(calls))
        async with Crowd(target, messages, connections) as crowd:

            async def one() -> None:
                for turn in turns:
                    step(turn)
                    while (wait_s := await crowd.call(turn, perf_counter())) is not None:
                        await asyncio.sleep(wait_s)

            await asyncio.gather(*(one() for _ in range(connections)))
        return crowd.outcomes

    return asyncio.run(run())


def open_loop(
    target: str,
    messages: Sequence[bytes],
    calls: int,
    interval_s: float,
    *,
    connections: int = 4,
    seed: int | None = None,
    step: Step = int,
) -> Outcomes:
    """Calls begun when they are due, answered or not: evenly, or with a seed as strangers come.

    A call's time counts from when it was due.
    """
    chance = random.Random(seed)  # noqa: S311 - arrivals, no secrets

    async def run() -> Outcomes:
        async with Crowd(target, messages, connections) as crowd, asyncio.TaskGroup() as group:
            due = perf_counter()
            for turn in range(calls):
                step(turn)
                due += interval_s if seed is None else chance.expovariate(1 / interval_s)
                if (wait_s := due - perf_counter()) > 0:
                    await asyncio.sleep(wait_s)
                group.create_task(crowd.call(turn, due))
        return crowd.outcomes

    return asyncio.run(run())


def at_once(target: str, messages: Sequence[bytes], calls: int, connections: int) -> Outcomes:
    """All calls begun before the first answer is looked at; nobody tries again."""

    async def run() -> Outcomes:
        async with Crowd(target, messages, connections) as crowd:
            now = perf_counter()
            await asyncio.gather(*(crowd.call(turn, now) for turn in range(calls)))
        return crowd.outcomes

    return asyncio.run(run())


def open_streams(
    target: str,
    frames: Sequence[Any],
    number: int,
    active: int,
    count: int,
    *,
    step: Step = int,
    meanwhile: AbstractContextManager[object],
) -> Outcomes:
    """So many streams open; on the active ones a frame at a time, ``count`` in all.

    ``meanwhile`` is entered when all are open, and left before they are closed.
    """
    messages = [streaming.batch([frame]) for frame in frames]
    outcomes = Outcomes()

    async def one(call: Any, turns: range) -> None:
        for turn in turns:
            step(outcomes.calls)
            outcomes.calls += 1
            began = perf_counter()
            await call.write(messages[turn % len(messages)])
            response = pb.ProcessStreamResponse.FromString(await call.read())
            outcomes.answered(response.results.results, perf_counter() - began)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            links = [
                await stack.enter_async_context(channel(target, at)) for at in range(min(8, number))
            ]
            calls: list[Any] = []
            for at in range(number):
                call: Any = links[at % len(links)].stream_stream(STREAM)()
                await call.write(streaming.opening())
                await call.read()  # ready
                calls.append(call)
            jobs: list[Coroutine[Any, Any, None]] = [
                one(call, range(at, count, active)) for at, call in enumerate(calls[:active])
            ]
            with meanwhile:
                began = perf_counter()
                await asyncio.gather(*jobs)
                outcomes.elapsed_s = perf_counter() - began
            for call in calls:
                await call.done_writing()
                await call.code()

    asyncio.run(run())
    return outcomes


def _detail(error: grpc.aio.AioRpcError) -> bytes:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY:
            return value if isinstance(value, bytes) else b""
    return b""
