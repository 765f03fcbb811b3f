"""The stream tests run through both clients, with one text: a driver hides which it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from framesrv.client import (
    AsyncFrameClient,
    AsyncSubscription,
    FrameClient,
    Result,
    Subscription,
)

Drive = Callable[..., list[Result]]


class Sync:
    name = "sync"

    @staticmethod
    def stream(
        address: str,
        frames: Any,
        got: list[Result] | None = None,
        take: int | None = None,
        client: dict[str, Any] | None = None,
        **options: Any,
    ) -> list[Result]:
        """All results, or the first ``take``; those before an error are left in ``got``."""
        got = [] if got is None else got
        with (
            FrameClient(address, **{"sleep": lambda _: None, **(client or {})}) as made,
            made.stream(frames, **options) as stream,
        ):
            for result in stream:
                got.append(result)  # kept also if the next one raises
                if len(got) == take:
                    break
        return got

    @staticmethod
    def subscribe(
        address: str,
        *streams: str,
        got: list[Any] | None = None,
        take: int | None = None,
        only: str = "__iter__",
        client: dict[str, Any] | None = None,
        **options: Any,
    ) -> tuple[list[Any], Subscription]:
        """The first ``take`` items; those before an error are left in ``got``."""
        got = [] if got is None else got
        with (
            FrameClient(address, **{"sleep": lambda _: None, **(client or {})}) as made,
            made.subscribe(*streams, **options) as subscription,
        ):
            for item in getattr(subscription, only)():
                got.append(item)
                if len(got) == take:
                    break
        return got, subscription


class Async:
    name = "async"

    @staticmethod
    def stream(
        address: str,
        frames: Any,
        got: list[Result] | None = None,
        take: int | None = None,
        client: dict[str, Any] | None = None,
        **options: Any,
    ) -> list[Result]:
        got = [] if got is None else got

        async def no_sleep(_: float) -> None:
            await asyncio.sleep(0)

        async def main() -> None:
            async with (
                AsyncFrameClient(address, **{"sleep": no_sleep, **(client or {})}) as made,
                made.stream(frames, **options) as stream,
            ):
                async for result in stream:
                    got.append(result)  # kept also if the next one raises
                    if len(got) == take:
                        break
            no_task_is_left()

        asyncio.run(main())
        return got

    @staticmethod
    def subscribe(
        address: str,
        *streams: str,
        got: list[Any] | None = None,
        take: int | None = None,
        only: str = "__iter__",
        client: dict[str, Any] | None = None,
        **options: Any,
    ) -> tuple[list[Any], AsyncSubscription]:
        got = [] if got is None else got

        async def no_sleep(_: float) -> None:
            await asyncio.sleep(0)

        async def main() -> AsyncSubscription:
            async with (
                AsyncFrameClient(address, **{"sleep": no_sleep, **(client or {})}) as made,
                made.subscribe(*streams, **options) as subscription,
            ):
                async for item in getattr(subscription, only.replace("iter", "aiter"))():
                    got.append(item)
                    if len(got) == take:
                        break
            no_task_is_left()
            return subscription

        return got, asyncio.run(main())


def no_task_is_left() -> None:
    names = {task.get_name() for task in asyncio.all_tasks()}  # gRPC has some of its own
    assert not {name for name in names if name.startswith("framesrv")}


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def driver(request: pytest.FixtureRequest) -> type[Sync | Async]:
    return request.param  # type: ignore[no-any-return]
