"""What a server allocates for the standard work: one measuring, for the test and the benchmark."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.serving import load, scene
from benchmarks.serving.allocated import Allocated, read
from benchmarks.serving.processes import Process, grpc_target, started

FRAMES: Final = 25  # of a batch
_WARM: Final = 6
_AT_REST_BYTES: Final = 1024
_LOOKS: Final = 5
_PAUSE_S: Final = 0.05
_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Alive:
    """What tracemalloc saw: blocks of 4 KiB and more that a batch made, at its end."""

    flights: int
    blocks: dict[tuple[str, bool], int]  # by file, and by whether they are arrays
    growth_bytes: int  # of everything traced, over all the flights

    @property
    def per_frame(self) -> float:
        return sum(self.blocks.values()) / (self.flights * FRAMES)

    @property
    def arrays(self) -> dict[str, int]:
        return {file: count for (file, array), count in self.blocks.items() if array}


class Server:
    """One that is watched from inside, and warm. A single connection: what is in flight at once
    is then the same each time."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._target = grpc_target(process)
        self._batches = load.batches(load.encoded(scene.frames(FRAMES)), FRAMES)
        self.send(_WARM)

    def ask(self, question: str) -> Any:
        return json.loads(self.process.ask(question))

    def send(self, batches: int) -> None:
        load.closed_loop(self._target, self._batches, batches).check()

    def misses(self) -> dict[str, int]:
        found: dict[str, int] = self.ask("misses")
        return found

    def traced(self, batches: int) -> Alive:
        self.ask("trace")
        self.send(_WARM)  # what is made once is made before the first look
        self.ask("fly")
        self.send(_WARM)
        before = min(self._at_rest() for _ in range(_LOOKS))  # more would hide what is left behind
        self.send(batches)
        # A call that has just ended may hold its answer for a while; what is left behind stays.
        after = min(self._at_rest() for _ in range(_LOOKS))
        told = self.ask("landed")
        blocks = {(file, array): count for file, array, count in told["blocks"]}
        return Alive(told["flights"], blocks, after - before)

    def tracked(self, batches: int, file: Path, *, native: bool = False) -> Allocated:
        """The tracker's file must not exist."""
        self.ask(f"track {file} {'native' if native else 'python'}")
        self.send(batches)
        self.ask("tracked")
        return read(file)

    def _at_rest(self) -> int:
        """Traced bytes once two looks agree: a call that has just ended holds its message yet."""
        end = time.monotonic() + _PATIENCE_S
        seen: int = self.ask("traced")
        while True:
            threading.Event().wait(_PAUSE_S)
            last, seen = seen, self.ask("traced")
            if abs(seen - last) <= _AT_REST_BYTES:
                return seen
            if time.monotonic() > end:
                raise RuntimeError("the server does not come to rest")


@contextmanager
def watched(*unpooled: str) -> Iterator[Server]:
    """With these pools swapped for their twins; ``all`` for those of the standard work."""
    with started("-m", "benchmarks.serving.watched", *unpooled) as process:
        yield Server(process)
