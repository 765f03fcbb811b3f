"""How large a server is: for one request, under load, and when nobody has asked for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.crew import run_together
from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Table
from benchmarks.serving import load, peaks, scene
from benchmarks.serving.processes import Process, framesrv, grpc_target, started
from benchmarks.serving.scraped import scrape
from framesrv.pool.janitor import INTERVAL_S, TRIM_AFTER_S

_BATCH: Final = 25
_MIB: Final = 2**20
_HTTP: Final = "127.0.0.1:0"
_PATIENT: Final = {"FRAMESRV_ENGINE_MAX_WAIT_S": "0"}  # refused calls would need no memory
_SIZES: Final = ((800, 600), (1920, 1080), (2560, 1440), (3840, 2160))
_TRIM_WAIT_S: Final = TRIM_AFTER_S + 3 * INTERVAL_S
_TRIM_WAIT_MAX_S: Final = 2 * TRIM_AFTER_S
_STILL: Final = 3  # looks without a change


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.frames(_BATCH))
    request, again = _request(bench, frames)
    with started(*framesrv(http=_HTTP), env=_PATIENT) as server:
        start_bytes = server.resident_bytes()
        peaks.forget(server.pid)
        _standard_load(server, frames, bench)
        peak = peaks.peak_bytes(server.pid)
        _other_sizes(grpc_target(server), bench)
        filled, filled_resident = _idle_bytes(server), server.resident_bytes()
        if not bench.quick:
            trimmed = _trimmed(server, bench)
            resident = server.resident_bytes()
    if bench.quick:
        filled, filled_resident, trimmed, resident = _trimmed_at_once(bench)
    return Outcome(
        [
            _mib("request", "one request of 25 frames adds", request, f"{again / _MIB:.1f} again"),
            _mib("server", "the server under load, at most", peak),
            _mib("idle_pools", "buffers that idle pools keep", trimmed),
        ],
        notes=(_NOTE, *((_QUICK,) if bench.quick else ())),
        details=(
            Table(
                "Resident memory of a server, and idle buffers of its pools, in MiB",
                ("when", "resident", "idle buffers"),
                [
                    ("started", f"{start_bytes / _MIB:.1f}", ""),
                    ("under load, at most", f"{peak / _MIB:.1f}", ""),
                    ("after frames of other sizes", *_pair(filled_resident, filled)),
                    ("after the trim", *_pair(resident, trimmed)),
                ],
            ),
        ),
    )


def _request(bench: Bench, frames: Sequence[Any]) -> tuple[int, int]:
    """What a server that has so far had single frames holds more for a batch, and for a second.

    The largest of several servers: what a first batch takes stays with the allocator, and would
    be taken for nothing.
    """
    (batch,), singles = load.batches(frames, _BATCH), load.batches(frames, 1)
    first: list[int] = []
    second: list[int] = []
    turns = bench.pick(5, 1)
    for turn in range(turns):
        bench.progress.step(turn, turns)
        with started(*framesrv(), env=_PATIENT) as server:
            target = grpc_target(server)
            load.closed_loop(target, singles, 50, 2).check()
            for rises in (first, second):
                rises.append(_rise(server, partial(load.closed_loop, target, [batch], 1)))
    return max(first), max(second)


def _rise(server: Process, send: Callable[[], load.Tally]) -> int:
    """How far the peak while sending lies above what was resident before."""
    before = server.resident_bytes()
    if not peaks.forget(server.pid):
        before = min(before, peaks.peak_bytes(server.pid))
    send().check()
    return max(0, peaks.peak_bytes(server.pid) - before)


def _standard_load(server: Process, frames: Sequence[Any], bench: Bench) -> None:
    """Batches, single calls and streams at once, as much as the machine can do."""
    target = grpc_target(server)
    batches, singles = load.batches(frames, _BATCH), load.batches(frames, 1)
    many = bench.pick(3000, 50)
    run_together(
        [
            lambda: load.closed_loop(target, batches, max(2, many // _BATCH), 2).check(),
            lambda: load.closed_loop(target, singles, many, 4).check(),
            lambda: load.streams(target, frames, 8, many).check(),
        ]
    )


def _other_sizes(target: str, bench: Bench) -> None:
    """Frames that no named pool has a buffer for."""
    jpeg = np.frombuffer(scene.frames(_BATCH)[0], np.uint8)
    pixels: Any = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)
    coded = [cv2.imencode(".jpg", cv2.resize(pixels, size))[1].tobytes() for size in _SIZES]
    messages = load.batches(load.encoded(coded), 1)
    load.closed_loop(target, messages, bench.pick(200, 16), 4).check()


def _idle_bytes(server: Process) -> int:
    return int(scrape(server).total("framesrv_pool_bytes", state="idle"))


def _trimmed(server: Process, bench: Bench) -> int:
    """What is left once the server itself has trimmed, and nothing changes any more."""
    pause, begun = Event(), time.monotonic()
    last, still = _idle_bytes(server), 0
    while (waited_s := time.monotonic() - begun) < _TRIM_WAIT_MAX_S and still < _STILL:
        bench.progress.step(int(waited_s), int(_TRIM_WAIT_MAX_S))
        pause.wait(INTERVAL_S)
        idle = _idle_bytes(server)
        still = still + 1 if idle == last and waited_s > _TRIM_WAIT_S else 0
        last = idle
    return last


def _trimmed_at_once(bench: Bench) -> tuple[int, int, int, int]:
    """Before and after, each with the resident size; of a server that trims when it is told to."""
    with started("-m", "benchmarks.serving.watched") as server:

        def sizes() -> tuple[int, int]:
            return int(json.loads(server.ask("idle"))), server.resident_bytes()

        _other_sizes(grpc_target(server), bench)
        before = sizes()
        server.ask("trim")
        return (*before, *sizes())


def _mib(name: str, what: str, nbytes: int, here: str = "") -> Figure:
    return Figure(f"footprint.{name}", what, nbytes / _MIB, "MiB", here=here)


def _pair(resident: int, idle: int) -> tuple[str, str]:
    return f"{resident / _MIB:.1f}", f"{idle / _MIB:.1f}"


_NOTE: Final = (
    "Request: the peak of the resident size (VmHWM) during the first batch of a server that has "
    "had single frames before, beyond its resident size then; the largest of several servers. "
    "Load: two connections with batches of 25, four with single calls and eight streams at once."
)
_QUICK: Final = (
    "The last two rows are of a server that was told to trim, without the 30 s of idleness."
)
SCENARIO = Scenario("footprint", "How large a server is", run)
