"""A socket of the HTTP listener becomes a call, answered by the handlers of the gRPC server.

The listener has an event loop of its own; handlers, registry and engine's callbacks belong to the
main one. So a call has two halves. Here, on the listener's loop, ``WebSocketCalls.serve`` moves
bytes between socket and pipes. On the main loop a task runs the handler. Either may end first:

- the handler ends: its status goes to the client, and then the socket is closed;
- the client goes, or the listener: the task is cancelled, as gRPC cancels the call of a client
  that has gone, and ``serve`` returns when it has let go of everything.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol

import grpc

from framesrv.engine.failure import incident
from framesrv.errors import Reason, Refused
from framesrv.transport.answers import call_later
from framesrv.transport.errors import TRACEPARENT, refuse
from framesrv.transport.service import Service
from framesrv.transport.websocket.context import CallContext, Ended, HalfClose, Incoming
from framesrv.transport.websocket.pipe import Pipe
from framesrv.transport.websocket.status import Status, of_reason

PROCESS: Final = "/ws/process"
SUBSCRIBE: Final = "/ws/subscribe"

_ON_THE_WAY: Final = 2  # answers between the handler and the socket
_LINGER_S: Final = 2.0  # for clients to be told that the grace is over
_METADATA: Final = (TRACEPARENT, "tracestate")
_GONE: Final = Status(1, str(Reason.CLIENT_GONE), "the client has gone")
_GRACE_OVER: Final = of_reason(
    Reason.DRAINING, "the server stops: connect to another, or later", 1.0
)
_NOT_STARTED: Final = of_reason(
    Reason.DRAINING, "the server takes no calls now: connect again later", 1.0
)
_NO_TEXT: Final = "messages are binary, each one of framesrv.v1; an empty text ends what is sent"
_TOO_MUCH: Final = of_reason(
    Reason.MALFORMED_MESSAGE,
    "nothing was to follow: a subscriber sends one request, and a stream nothing after its end",
)


class Socket(Protocol):
    """A WebSocket, as the HTTP listener has it. ConnectionError: the other end has gone."""

    @property
    def peer(self) -> str: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    async def receive(self) -> bytes | str: ...

    async def send(self, message: bytes | str) -> None: ...

    async def close(self, code: int, reason: str) -> None:
        """Return when the other end has taken all that was sent, or has had time enough."""
        ...


class Call:
    """What both halves know of one call."""

    def __init__(
        self,
        socket: Socket,
        ours: asyncio.AbstractEventLoop,
        main: asyncio.AbstractEventLoop,
        *,
        takes_one: bool,
    ) -> None:
        self._main = main
        self.takes_one = takes_one
        self.peer = f"websocket:{socket.peer}"
        sent = socket.headers
        self.metadata = tuple((name, sent[name]) for name in _METADATA if name in sent)
        self.down: Pipe[Incoming] = Pipe(ours, main)
        self.up: Pipe[bytes] = Pipe(main, ours, _ON_THE_WAY)
        # Of the main loop:
        self.task: asyncio.Task[None] | None = None
        self.told = asyncio.Event()  # the other half is done with the client
        self.status: Status | None = None  # set before the end of ``up``
        self.if_cancelled = _GONE

    def cancel(self, status: Status) -> None:
        """From any thread."""
        call_later(self._main, lambda: self.cancel_here(status))

    def cancel_here(self, status: Status) -> None:
        """Unless the handler has ended: then its status holds."""
        if self.task is not None and self.status is None:
            self.if_cancelled = status
            self.task.cancel()

    def over(self) -> None:
        """From any thread: whoever was to be told has been, or has gone."""
        call_later(self._main, self.told.set)


class WebSocketCalls:
    """``start`` and ``stop`` on the main loop; sockets are served on the listener's."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._main: asyncio.AbstractEventLoop | None = None
        self._calls: set[Call] = set()
        self._stopped = False

    # -- the main loop ---------------------------------------------------------------------

    def start(self) -> None:
        self._main = asyncio.get_running_loop()

    @property
    def open(self) -> int:
        return len(self._calls)

    async def stop(self) -> None:
        """End every call that is left: those of clients that read are told why."""
        self._stopped = True
        tasks = [call.task for call in self._calls if call.task is not None]
        for call in list(self._calls):
            call.cancel_here(_GRACE_OVER)
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=_LINGER_S)
            for task in left:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, call: Call) -> None:
        if self._stopped:
            call.status = _NOT_STARTED
            call.up.end()
            return
        call.task = asyncio.get_running_loop().create_task(self._run(call))
        self._calls.add(call)
        call.task.add_done_callback(lambda _: self._ended(call))

    def _ended(self, call: Call) -> None:
        if call.status is None:  # it was cancelled before its first step
            call.status = call.if_cancelled
        call.up.end()
        self._calls.discard(call)

    async def _run(self, call: Call) -> None:
        context = CallContext(call.peer, call.metadata, call.down, call.up)
        try:
            call.status = await self._outcome(call, context)
            call.up.end()
            await call.told.wait()  # a drain waits until it has
        finally:
            context.done()

    async def _outcome(self, call: Call, context: CallContext) -> Status:
        try:
            await self._answer(call, context)
        except Ended as ended:
            return ended.status
        except asyncio.CancelledError:
            return call.if_cancelled
        except Exception as error:
            return of_reason(Reason.INTERNAL, incident("in a call over WebSocket", error))
        return Status()

    async def _answer(self, call: Call, context: CallContext) -> None:
        handlers: Mapping[str, Any] = self._service.handlers()
        if not call.takes_one:
            await handlers["ProcessStream"].stream_stream(None, context)
            return
        try:
            request = await context.read()
            if request is grpc.aio.EOF:
                raise Refused(Reason.MALFORMED_MESSAGE, "the first message is a SubscribeRequest")
        except Refused as refused:
            await refuse(context, refused, self._service.office.refusals, method="Subscribe")
        await handlers["Subscribe"].unary_stream(request, context)

    # -- the listener's loop ---------------------------------------------------------------

    def endpoints(self) -> dict[str, Callable[[Socket], Awaitable[None]]]:
        """What answers a socket, by path."""
        return {
            PROCESS: partial(self.serve, takes_one=False),
            SUBSCRIBE: partial(self.serve, takes_one=True),
        }

    async def serve(self, socket: Socket, *, takes_one: bool) -> None:
        """Until the call is over and its client told, or gone."""
        main = self._main
        if main is None or main.is_closed():
            with suppress(ConnectionError):
                await _tell(socket, _NOT_STARTED)
            return
        loop = asyncio.get_running_loop()
        call = Call(socket, loop, main, takes_one=takes_one)
        call_later(main, lambda: self._begin(call))
        reader = loop.create_task(_read(socket, call))
        try:
            await _write(socket, call)
        finally:
            reader.cancel()
            call.cancel(_GONE)
            call.over()


async def _write(socket: Socket, call: Call) -> None:
    try:
        while (message := await call.up.take()) is not None:
            await socket.send(message)
        await _tell(socket, call.status or _GONE)
    except ConnectionError:
        call.cancel(_GONE)
        call.over()
        while await call.up.take() is not None:  # until the handler has let go of everything
            pass


async def _tell(socket: Socket, status: Status) -> None:
    await socket.send(status.text)
    await socket.close(status.close_code, status.close_reason)


async def _read(socket: Socket, call: Call) -> None:
    """A message is taken from the socket only when there is room for it."""
    try:
        while True:
            await call.down.room()
            item = _incoming(await socket.receive())
            call.down.put(item)
            if isinstance(item, Refused):
                await _hear(socket, lambda: None)
            if call.takes_one or isinstance(item, HalfClose):
                await _hear(socket, lambda: call.cancel(_TOO_MUCH))
    except ConnectionError:
        pass
    finally:
        call.cancel(_GONE)


async def _hear(socket: Socket, too_much: Callable[[], None]) -> None:
    """Nothing more is wanted, but only who listens notices that the client goes."""
    while True:
        if await socket.receive() != "":
            too_much()


def _incoming(message: bytes | str) -> Incoming:
    if isinstance(message, bytes):
        return message
    if message == "":
        return HalfClose()
    return Refused(Reason.MALFORMED_MESSAGE, _NO_TEXT)
