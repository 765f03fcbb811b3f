"""A real server in a thread of the test's, and the command line in its own process or in ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from framesrv.app import App, AppSettings, running
from framesrv.ops.resize import Resize
from framesrv.pipeline.spec import OutputSpec, PipelineSpec
from framesrv.transport.address import Address
from framesrv.transport.settings import TransportSettings

WAIT_S = 30.0
# Named at the server: a small picture, and one that is smaller still.
PIPELINES = {
    "tiny": PipelineSpec((OutputSpec("tiny", (Resize(32, 24),)),)),
    "two": PipelineSpec((OutputSpec("a", (Resize(32, 24),)), OutputSpec("b", (Resize(16, 12),)))),
}


@dataclass(frozen=True)
class Served:
    address: str
    app: App


@contextmanager
def serving() -> Iterator[Served]:
    """Leaving it also checks that nothing is left: an open stream would hold up the drain, and a
    lease that is out makes the pools' shutdown raise.
    """
    up: list[Served] = []
    ready, stop = threading.Event(), threading.Event()

    async def main() -> None:
        listen = TransportSettings(listen=(Address("127.0.0.1", 0),))
        async with running(AppSettings(transport=listen, pipelines=PIPELINES)) as app:
            up.append(Served(str(app.server.addresses[0]), app))
            ready.set()
            await asyncio.to_thread(stop.wait)

    fault: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001, RUF100  # raised below, in the test
            fault.append(error)
        ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        if not ready.wait(WAIT_S) or fault:
            raise RuntimeError("the server did not start") from (fault[0] if fault else None)
        yield up[0]
    finally:
        stop.set()
        thread.join(WAIT_S)
    if fault:
        raise fault[0]


def framesrv(*args: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "framesrv", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"} | environ,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def until(happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    """Waits for another thread or process; what does not happen is a failure, not a hang."""
    pause, end = threading.Event(), time.monotonic() + WAIT_S
    while not happened():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            said = "" if process is None else str(finish(process))
            raise AssertionError(f"it never happened {said}")
        pause.wait(0.005)
