"""A server whose collections are listed one by one: ``python -m benchmarks.serving.collected HOW``.

HOW says what is done about the garbage collector when the server has started. To each line on
its input it answers by a line of JSON: what was collected since the last.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter_ns, thread_time_ns
from types import MappingProxyType
from typing import Any, Final

from framesrv.app import AppSettings, running
from framesrv.engine import EngineSettings
from framesrv.observability.pauses import short_pauses
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings

Pause = tuple[int, int, int, int]  # generation, its thread's time, time on the wall, objects


@contextmanager
def _frozen(*thresholds: int) -> Iterator[None]:
    with short_pauses():
        gc.set_threshold(*thresholds)
        yield


@contextmanager
def _off() -> Iterator[None]:
    with short_pauses():
        gc.disable()
        yield


WAYS: Final[Mapping[str, Callable[[], AbstractContextManager[None]]]] = MappingProxyType(
    {
        "plain": nullcontext,
        "framesrv": short_pauses,
        "frozen": lambda: _frozen(700, 10, 10),  # as they come with Python
        "seldom": lambda: _frozen(50_000, 20, 100),
        "off": _off,
    }
)


class Listed:
    def __init__(self) -> None:
        self._pauses: list[Pause] = []
        self._began = (0, 0)

    def note(self, phase: str, info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = thread_time_ns(), perf_counter_ns()
        else:
            own, wall = thread_time_ns() - self._began[0], perf_counter_ns() - self._began[1]
            self._pauses.append((info["generation"], own, wall, info["collected"]))

    def taken(self) -> list[Pause]:
        pauses, self._pauses = self._pauses, []
        return pauses


async def serve(way: str) -> None:
    transport = TransportSettings(listen=(Address.parse("127.0.0.1:0"),))
    engine = EngineSettings(max_wait_s=0)  # what is measured is never refused
    async with running(AppSettings(engine=engine, transport=transport)) as app:
        loop, stop, listed = asyncio.get_running_loop(), asyncio.Event(), Listed()
        loop.add_signal_handler(signal.SIGTERM, stop.set)

        def converse() -> None:
            for line in sys.stdin:
                if line.strip() == "full":
                    gc.collect()
                print(json.dumps(listed.taken()), flush=True)
            loop.call_soon_threadsafe(stop.set)

        with WAYS[way]():
            gc.callbacks.append(listed.note)
            print("ready grpc=" + ",".join(map(str, app.server.addresses)), flush=True)
            threading.Thread(target=converse, daemon=True).start()
            await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
