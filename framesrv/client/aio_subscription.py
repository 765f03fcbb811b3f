"""The async iterator that a program gets from ``AsyncFrameClient.subscribe``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import grpc

from framesrv.client.account import Account, Count
from framesrv.client.calls import Settings
from framesrv.client.errors import CallFailed, cancelled, not_accepted
from framesrv.client.interest import Interest
from framesrv.client.items import Item, MergedFrame
from framesrv.client.results import Result
from framesrv.protocol.gen import frames_pb2 as pb

Kind = TypeVar("Kind")


class AsyncSubscription(AsyncIterator[Item]):
    """What is published, item by item. For one task; leave it by ``async with`` or ``aclose()``.

    Once the block is entered, the server has taken it, and whatever is published from then on is
    for it; a refusal is raised by the first ``anext()``, which also opens it where there is no
    block. A cancelled ``anext()`` loses no item. Any other task may ``aclose()`` it, and the
    iteration ends. It does not end by itself: when the server ends it, that is an error.
    """

    def __init__(
        self,
        interest: Interest,
        *,
        settings: Settings,
        start: Callable[[bytes], Any],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._request = interest.to_proto().SerializeToString()
        self._settings = settings
        self._start = start
        self._sleep = sleep
        self._account = Account()
        self._call: _Call | None = None
        self._over = False
        self._tried = 0
        self._deadline = 0.0  # of the tries to open it

    @property
    def total(self) -> Count:
        """All frames so far: ``received`` = ``delivered`` + ``missed``."""
        return self._account.total

    @property
    def streams(self) -> Mapping[str, Count]:
        """The same by stream."""
        return self._account.streams

    def frames(self) -> AsyncIterator[Result]:
        """The frames alone. What was missed between them is still counted."""
        return _Only(self, Result)

    def merged(self) -> AsyncIterator[MergedFrame]:
        """The merged frames alone."""
        return _Only(self, MergedFrame)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        while (call := await self._open()) is not None:
            try:
                message = await call.read()
            except CallFailed as error:
                await self._ended(error)
                continue
            if message is None:
                await self._ended(None)
            elif (item := self._account.take(message)) is not None:
                return item
        raise StopAsyncIteration

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        call: _Call | None = getattr(self, "_call", None)
        if call is not None and not call.loop_closed:
            call.cancel()

    async def aclose(self) -> None:
        """End the call at once. More than once does no harm."""
        self._over = True
        await self._drop()

    async def _ended(self, error: CallFailed | None) -> None:
        """Returns if there is a reason to go on: another try, or that we closed it ourselves."""
        if self._over:
            return
        failed = self._account.end(error)
        pause_s = None
        if not self._account.begun:  # nothing is lost by another try
            pause_s = self._settings.retry.pause_s(failed, self._tried, self._deadline)
        if pause_s is None:
            await self.aclose()
            raise failed
        await self._drop()
        await self._sleep(pause_s)

    async def _open(self) -> _Call | None:
        """The call, begun if need be; None when this is closed."""
        if self._call is not None or self._over:
            return self._call
        if not self._tried:
            self._deadline = self._settings.deadline(None)
        self._tried += 1
        call = self._call = _Call(self._start(self._request), self._settings)
        try:
            async with asyncio.timeout(max(0.0, self._deadline - self._settings.clock())):
                await call.headers()
        except BaseException as error:
            call.cancel()
            self._call = None
            if isinstance(error, TimeoutError):
                raise not_accepted(self._settings.timeout_s) from None
            raise
        return call

    async def _drop(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
            await call.join()


class _Call:
    """A call of Subscribe whose reads survive that their reader is cancelled."""

    def __init__(self, call: Any, settings: Settings) -> None:
        self._call = call
        self._settings = settings
        self._answers = aiter(call)
        self._reader: asyncio.Task[pb.SubscribeResponse | None] | None = None
        self._loop = asyncio.get_running_loop()

    async def headers(self) -> None:
        """Which the server sends as soon as it has taken the call; or it has refused it."""
        await self._call.initial_metadata()

    async def read(self) -> pb.SubscribeResponse | None:
        """The next message; None at the end of the call."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="framesrv-subscribe")
        await asyncio.wait([self._reader])
        reader, self._reader = self._reader, None
        try:
            return reader.result()
        except asyncio.CancelledError:
            raise cancelled() from None
        except grpc.RpcError as error:
            raise self._settings.failed(error) from None

    async def _read(self) -> pb.SubscribeResponse | None:
        return await anext(self._answers, None)

    @property
    def loop_closed(self) -> bool:
        return self._loop.is_closed()

    def cancel(self) -> None:
        self._call.cancel()
        if self._reader is not None:
            self._reader.cancel()

    async def join(self) -> None:
        if self._reader is not None:
            await asyncio.wait([self._reader])


class _Only(AsyncIterator[Kind], Generic[Kind]):
    """One kind of items. No generator: a cancelled ``anext()`` would be the end of one."""

    def __init__(self, items: AsyncSubscription, kind: type[Kind]) -> None:
        self._items = items
        self._kind = kind

    async def __anext__(self) -> Kind:
        async for item in self._items:
            if isinstance(item, self._kind):
                return item
        raise StopAsyncIteration
