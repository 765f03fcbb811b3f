"""Synchronous handlers or asyncio: what cancelled calls leave behind, what an idle stream holds,
and what one message to a hundred listeners costs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario
from benchmarks.serving.handlers import SERVICE
from benchmarks.serving.load import channel
from benchmarks.serving.processes import Process, grpc_target, started

_LISTENERS: Final = 100
_MESSAGE: Final = bytes(20_000)
_AT_ONCE: Final = 64


def run(bench: Bench) -> Outcome:
    figures = []
    for kind in ("sync", "aio"):
        with started("-m", "benchmarks.serving.handlers", kind) as server:
            figures += _cancels(bench, kind, server)
        with started("-m", "benchmarks.serving.handlers", kind) as server:
            figures += _idle(bench, kind, server)
        with started("-m", "benchmarks.serving.handlers", kind) as server:
            figures += _fan_out(bench, kind, server)
    return Outcome(
        figures,
        notes=(
            (
                "Growth is that of the resident memory over the second half of the cancels, when "
                "arenas and caches have filled; grpcio's own share of it is not ours to mend."
            ),
        ),
    )


def _cancels(bench: Bench, kind: str, server: Process) -> list[Figure]:
    count = bench.pick(100_000, 400)
    sizes = []
    with channel(grpc_target(server)) as link:
        call: Any = link.unary_unary(f"/{SERVICE}/Cancel")
        for step in range(10):
            bench.progress.step(step, 10)
            _cancel_some(call, count // 10)
            sizes.append(server.resident_bytes())
    grown = sizes[-1] - sizes[4]
    return [
        Figure(
            f"handlers.{kind}_cancel_bytes",
            f"{kind}: resident bytes a cancelled call, second half of {count:,}",
            grown / (count / 2),
            "bytes",
            here=f"{sizes[-1] / 2**20:.0f} MiB at the end",
        )
    ]


def _cancel_some(call: Any, count: int) -> None:
    """Cancelled when they have reached their handler, more or less: some before, some after."""
    waiting: list[grpc.Future[bytes]] = []
    for _ in range(count):
        waiting.append(call.future(b"x" * 100))
        if len(waiting) == _AT_ONCE:
            for future in waiting:
                future.cancel()
            waiting.clear()
    for future in waiting:
        future.cancel()


def _idle(bench: Bench, kind: str, server: Process) -> list[Figure]:
    count = bench.pick(1000, 20)
    before, threads_before = server.resident_bytes(), _threads(server)
    ended = threading.Event()

    def silence() -> Iterator[bytes]:
        ended.wait()
        yield from ()

    with ExitStack() as links:
        calls = []
        for number in range(count):
            if number % 100 == 0:
                link = links.enter_context(channel(grpc_target(server), number))
                stream: Any = link.stream_stream(f"/{SERVICE}/Idle")
            calls.append(stream(silence()))
        for each in calls:
            next(each)
        held = server.resident_bytes() - before
        threads = _threads(server) - threads_before
        for each in calls:
            each.cancel()
        ended.set()
    return [
        Figure(
            f"handlers.{kind}_idle_bytes",
            f"{kind}: resident bytes an idle stream, {count:,} of them",
            held / count,
            "bytes",
            here=f"{threads} threads more",
        )
    ]


def _fan_out(bench: Bench, kind: str, server: Process) -> list[Figure]:
    messages = bench.pick(300, 5)
    with ExitStack() as links:
        listeners = []
        for number in range(_LISTENERS):
            if number % 10 == 0:
                link = links.enter_context(channel(grpc_target(server), number))
                listen: Any = link.unary_stream(f"/{SERVICE}/Listen")
            listeners.append(listen(b""))
        for each in listeners:
            next(each)
        got = threading.Semaphore(0)
        readers = [
            threading.Thread(target=_read, args=(each, messages, got.release)) for each in listeners
        ]
        for reader in readers:
            reader.start()
        publish: Any = link.unary_unary(f"/{SERVICE}/Publish")
        before = server.cpu_s()
        for _ in range(messages):
            publish(_MESSAGE)
            for _ in range(_LISTENERS):
                got.acquire()
        cost_s = server.cpu_s() - before
        for reader in readers:
            reader.join()
        for each in listeners:
            each.cancel()
    return [
        Figure(
            f"handlers.{kind}_fan_out_us",
            f"{kind}: CPU a message and listener, {_LISTENERS} listeners, 20 kB",
            cost_s / messages / _LISTENERS * 1e6,
            "us",
        )
    ]


def _read(call: Any, count: int, got: Callable[[], None]) -> None:
    for _ in range(count):
        next(call)
        got()


def _threads(server: Process) -> int:
    return len(list(Path(f"/proc/{server.pid}/task").iterdir()))


SCENARIO = Scenario("handlers", "Synchronous handlers or asyncio", run)
