"""A server of our own for a load test: another process, with an interpreter of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

from framesrv.cli.outcome import Exit, Fault

_START_S: Final = 30.0
_STOP_S: Final = 15.0
_READY: Final = re.compile(r"framesrv ready grpc=([^ ,]+)")


@contextmanager
def spawned_server() -> Iterator[str]:
    """Its address. It listens on this machine only, on ports that were free."""
    command = [sys.executable, "-m", "framesrv", "serve",
               "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]  # fmt: skip
    with (
        tempfile.TemporaryFile("w+") as log,
        # Ctrl-C is for us: we stop it when we are done.
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
        ) as server,
    ):
        try:
            yield _address(server, log)
        finally:
            _end(server)


def _address(server: subprocess.Popen[str], log: IO[str]) -> str:
    impatience = threading.Timer(_START_S, server.kill)
    impatience.start()
    try:
        line = server.stdout.readline() if server.stdout is not None else ""
    finally:
        impatience.cancel()
        impatience.join()
    match = _READY.match(line)
    if match is None:
        server.kill()
        server.wait()
        log.seek(0)
        said = log.read().strip().splitlines()
        why = said[-1] if said else f"no word from it in {_START_S:g} s"
        raise Fault(f"--spawn: the server did not start: {why}", Exit.SERVER)
    return match[1]


def _end(server: subprocess.Popen[str]) -> None:
    if server.poll() is None:
        server.terminate()
    try:
        server.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
