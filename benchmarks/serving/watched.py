"""The real server, watched from inside: ``python -m benchmarks.serving.watched POOL,POOL``.

The pools that are named lend as their unpooled twins do; ``all`` names those of the standard
work, and has buffers laid out anew for each frame. Otherwise nothing is changed. It answers each
line on its input by a line of JSON, and ends with its input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.serving import twins
from framesrv.app import App, AppSettings, running
from framesrv.engine import EngineSettings
from framesrv.transport.address import Address
from framesrv.transport.answers import BatchAnswer
from framesrv.transport.settings import TransportSettings

LARGE_BYTES: Final = 4096
_QUIET_TURNS: Final = 50
_SOURCES: Final = Path(__file__).resolve().parents[2]
_ANSWER_S: Final = 60.0


class Flights:
    """What is alive of the large blocks at the end of each batch, when its answer is written.

    At that moment all that the batch needs exists: the message, the buffers that its last worker
    has before it, the answer. Older blocks are not seen, since tracing began after warming up.
    """

    def __init__(self) -> None:
        self.watching = False
        self.seen = 0
        self.blocks: Counter[tuple[str, bool]] = Counter()  # by place, and whether arrays
        self._lock = threading.Lock()
        self._finish = BatchAnswer.part_finished

    def watch(self) -> None:
        flights, finish = self, self._finish

        def part_finished(answer: BatchAnswer) -> None:
            finish(answer)
            if flights.watching and answer.message is not None and flights.first_of(answer):
                flights.look()

        watched: Any = BatchAnswer
        watched.part_finished = part_finished

    def first_of(self, answer: Any) -> bool:
        """A worker that ended its part just before the last one may see the answer, too."""
        with self._lock:
            is_first = not hasattr(answer, "seen_in_flight")
            answer.seen_in_flight = True
            return is_first

    def look(self) -> None:
        traces = tracemalloc.take_snapshot().traces
        ours = (trace for trace in traces if trace.traceback[0].filename != __file__)
        large = [trace for trace in ours if trace.size >= LARGE_BYTES]
        with self._lock:
            self.seen += 1
            for trace in large:
                # NumPy reports its arrays in a domain of its own.
                self.blocks[_place(trace.traceback[0].filename), trace.domain != 0] += 1

    def told(self) -> dict[str, Any]:
        with self._lock:
            blocks = [[place, array, count] for (place, array), count in self.blocks.items()]
            return {"flights": self.seen, "blocks": blocks}


class Watch:
    """The questions. They are answered by a thread of their own, while the server goes on."""

    def __init__(self, app: App, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._tracker: Any = None
        self._flights = Flights()

    def answer(self, line: str) -> Any:
        question, *words = line.split()
        answers: Mapping[str, Callable[..., Any]] = {
            "misses": self._misses,
            "trim": self._trim,
            "idle": self._idle_bytes,
            "trace": self._trace,
            "traced": self._traced,
            "fly": self._fly,
            "landed": self._landed,
            "track": self._track,
            "tracked": self._tracked,
        }
        return answers[question](*words)

    def _misses(self) -> dict[str, int]:
        return {name: stats.misses for name, stats in self._app.manager.stats().items()}

    def _trim(self) -> int:
        """Without the wait for buffers to have been idle: the first look only notes them."""
        self._app.manager.trim()
        return self._app.manager.trim()

    def _idle_bytes(self) -> int:
        return sum(stats.bytes_by_state["idle"] for stats in self._app.manager.stats().values())

    def _trace(self) -> None:
        self._flights.watch()
        tracemalloc.start()

    def _traced(self) -> int:
        """Bytes that Python and NumPy have allocated since, and not freed, between two calls."""
        asyncio.run_coroutine_threadsafe(self._quiet(), self._loop).result(_ANSWER_S)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    async def _quiet(self) -> None:
        await self._app.server.service.quiet()
        for _ in range(_QUIET_TURNS):  # gRPC lets go of a call's messages some turns later
            await asyncio.sleep(0)

    def _fly(self) -> None:
        self._flights.watching = True

    def _landed(self) -> dict[str, Any]:
        self._flights.watching = False
        tracemalloc.stop()
        return self._flights.told()

    def _track(self, path: str, native: str) -> None:
        """Every allocation of the process from now on, into a file."""
        import memray

        self._tracker = memray.Tracker(
            path,
            native_traces=native == "native",
            trace_python_allocators=True,
            file_format=memray.FileFormat.ALL_ALLOCATIONS,
        )
        self._tracker.__enter__()

    def _tracked(self) -> None:
        self._tracker.__exit__(None, None, None)
        self._tracker = None


def _place(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_SOURCES)) if path.is_relative_to(_SOURCES) else path.name


async def serve(names: list[str]) -> None:
    transport = TransportSettings(listen=(Address.parse("127.0.0.1:0"),))
    if names == ["all"]:
        twins.lay_out_anew_for_each_frame()  # before the engine makes its desks
    engine = EngineSettings(max_wait_s=0)  # what is measured is never refused
    async with running(AppSettings(engine=engine, transport=transport)) as app:
        twins.swap(app, twins.USED if names == ["all"] else names)
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        watch = Watch(app, loop)

        def converse() -> None:
            for line in sys.stdin:
                print(json.dumps(watch.answer(line)), flush=True)
            os.kill(os.getpid(), signal.SIGTERM)

        print("ready grpc=" + ",".join(map(str, app.server.addresses)), flush=True)
        threading.Thread(target=converse, daemon=True).start()
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve([name for name in sys.argv[1:] if name]))
