"""The iterator that a program gets from ``FrameClient.subscribe``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextvars import copy_context
from types import TracebackType
from typing import Any, Self

import grpc

from framesrv.client.account import Account, Count
from framesrv.client.calls import Settings
from framesrv.client.errors import CallFailed, not_accepted
from framesrv.client.interest import Interest
from framesrv.client.items import Item, MergedFrame
from framesrv.client.results import Result

StartWatching = Callable[[bytes], Any]  # grpc names no class for a call that is iterated


class Subscription(Iterator[Item]):
    """What is published, item by item. For one thread; leave it by ``with`` or ``close()``.

    Once the block is entered, the server has taken it, and whatever is published from then on is
    for it; a refusal is raised by the first ``next()``, which also opens it where there is no
    block. Any other thread may ``close()`` it, and the iteration ends. It does not end by itself:
    when the server ends it, that is an error.
    """

    def __init__(
        self,
        interest: Interest,
        *,
        settings: Settings,
        start: StartWatching,
        sleep: Callable[[float], None],
    ) -> None:
        self._request = interest.to_proto().SerializeToString()
        self._settings = settings
        self._start = start
        self._sleep = sleep
        self._account = Account()
        self._changing = threading.Lock()
        self._call: Any = None
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

    def frames(self) -> Iterator[Result]:
        """The frames alone. What was missed between them is still counted."""
        return (item for item in self if isinstance(item, Result))

    def merged(self) -> Iterator[MergedFrame]:
        """The merged frames alone."""
        return (item for item in self if isinstance(item, MergedFrame))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        while (call := self._open()) is not None:
            try:
                item = self._account.take(next(call))
            except StopIteration:
                self._ended(None)
            except grpc.RpcError as error:
                self._ended(self._settings.failed(error))
            except BaseException:
                self.close()
                raise
            else:
                if item is not None:
                    return item
        raise StopIteration

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        call = getattr(self, "_call", None)
        if call is not None:
            call.cancel()

    def close(self) -> None:
        """End the call at once. More than once does no harm."""
        self._over = True
        self._drop()

    def _ended(self, error: CallFailed | None) -> None:
        """Returns if there is a reason to go on: another try, or that we closed it ourselves."""
        if self._over:
            return
        failed = self._account.end(error)
        pause_s = None
        if not self._account.begun:  # nothing is lost by another try
            pause_s = self._settings.retry.pause_s(failed, self._tried, self._deadline)
        if pause_s is None:
            self.close()
            raise failed from None
        self._drop()
        self._sleep(pause_s)

    def _open(self) -> Any:
        """The call, begun if need be; None when this is closed."""
        if self._call is not None or self._over:
            return self._call
        if not self._tried:
            self._deadline = self._settings.deadline(None)
        self._tried += 1
        opening = _Opening(self._begin)
        try:
            opening.start()
            in_time = opening.ended.wait(max(0.0, self._deadline - self._settings.clock()))
            if opening.fault is not None:
                raise opening.fault
            if not in_time and not self._over:
                raise not_accepted(self._settings.timeout_s)
        except BaseException:
            self.close()
            raise
        return self._call

    def _begin(self) -> None:
        with self._changing:
            if self._over:
                return
            call = self._call = self._start(self._request)
        call.initial_metadata()  # which the server sends when it has taken the call, or refused it

    def _drop(self) -> None:
        with self._changing:
            call, self._call = self._call, None
        if call is not None:
            call.cancel()


class _Opening(threading.Thread):
    """Begins a call where no Ctrl-C can strike, which only ever interrupts the main thread.

    Between gRPC's making a call and its starting the thread that serves it, an interrupt leaves a
    channel that waits for ever when it is closed.
    """

    def __init__(self, begin: Callable[[], None]) -> None:
        super().__init__(name="framesrv-subscribe", daemon=True)
        self.ended = threading.Event()
        self.fault: BaseException | None = None
        self._begin = begin
        self._context = copy_context()  # the program's trace goes with it

    def run(self) -> None:
        try:
            self._context.run(self._begin)
        except BaseException as fault:  # raised in the program's own thread
            self.fault = fault
        finally:
            self.ended.set()
