"""Two small servers that differ only in how gRPC calls them: ``sync`` and ``aio``.

Cancel waits until its client goes away, Idle is a stream on which nothing happens, and whatever
comes on Publish is sent to everybody who has called Listen.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from typing import Any, Final

import grpc

SERVICE: Final = "benchmarks.Handlers"
_WAIT_S: Final = 60.0
_THREADS: Final = 1200
_OPTIONS: Final = (("grpc.max_concurrent_streams", 4096),)


def _handlers(server: Any) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Cancel": grpc.unary_unary_rpc_method_handler(server.cancel),
            "Idle": grpc.stream_stream_rpc_method_handler(server.idle),
            "Listen": grpc.unary_stream_rpc_method_handler(server.listen),
            "Publish": grpc.unary_unary_rpc_method_handler(server.publish),
        },
    )


class SyncServer:
    def __init__(self) -> None:
        self._listeners: set[queue.SimpleQueue[bytes | None]] = set()

    def cancel(self, _: bytes, context: Any) -> bytes:
        gone = threading.Event()
        if context.add_callback(gone.set):
            gone.wait(_WAIT_S)
        return b""

    def idle(self, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        yield b"ready"
        yield from requests

    def listen(self, _: bytes, context: Any) -> Iterator[bytes]:
        mine: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._listeners.add(mine)
        context.add_callback(lambda: mine.put(None))
        yield b"ready"
        while (message := mine.get()) is not None:
            yield message
        self._listeners.discard(mine)

    def publish(self, data: bytes, context: Any) -> bytes:
        for each in list(self._listeners):
            each.put(data)
        return b""


class AioServer:
    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[bytes]] = set()

    async def cancel(self, _: bytes, context: Any) -> bytes:
        await asyncio.sleep(_WAIT_S)
        return b""

    async def idle(self, requests: AsyncIterator[bytes], context: Any) -> None:
        """Reads in a task of its own, as our streams do: cancelled with a read under way, a call
        would leave that read's memory behind (grpc issue 43360)."""
        await context.write(b"ready")
        reader = asyncio.get_running_loop().create_task(_echo(context))
        await asyncio.wait([reader])

    async def listen(self, _: bytes, context: Any) -> None:
        mine: asyncio.Queue[bytes] = asyncio.Queue()
        self._listeners.add(mine)
        try:
            await context.write(b"ready")
            while True:
                await context.write(await mine.get())
        finally:
            self._listeners.discard(mine)

    async def publish(self, data: bytes, context: Any) -> bytes:
        for each in self._listeners:
            each.put_nowait(data)
        return b""


async def _echo(context: Any) -> None:
    while (message := await context.read()) is not grpc.aio.EOF:
        await context.write(message)


def _run_sync() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS), options=_OPTIONS)
    server.add_generic_rpc_handlers((_handlers(SyncServer()),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(f"ready grpc=127.0.0.1:{port}", flush=True)
    ended.wait()
    server.stop(None)


async def _run_aio() -> None:
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((_handlers(AioServer()),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    print(f"ready grpc=127.0.0.1:{port}", flush=True)
    await ended.wait()
    await server.stop(None)


if __name__ == "__main__":
    if sys.argv[1] == "sync":
        _run_sync()
    else:
        asyncio.run(_run_aio())
