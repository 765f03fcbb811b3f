"""Servers and loops as processes: how they are started, what they cost, and that they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from benchmarks.serving import accounts

_ROOT: Final = Path(__file__).resolve().parents[2]


class Process:
    def __init__(self, process: subprocess.Popen[str], ready: str) -> None:
        self._process = process
        self.ready = ready

    @property
    def pid(self) -> int:
        return self._process.pid

    def cpu_s(self) -> float:
        """What all threads of it and of the processes below it have used."""
        return accounts.cpu_s(accounts.tree(self.pid))

    def resident_bytes(self) -> int:
        return sum(map(accounts.resident_bytes, accounts.tree(self.pid)))

    def ask(self, line: str) -> str:
        """For the loops: a line in, a line out."""
        stdin, stdout = _pipes(self._process)
        stdin.write(line + "\n")
        stdin.flush()
        return stdout.readline()


@contextmanager
def started(*arguments: str, env: dict[str, str] | None = None) -> Iterator[Process]:
    """``python ARGUMENTS`` until the block ends; its first line says that it is ready."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=_ROOT,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        ready = _pipes(process)[1].readline()
        if not ready:
            raise RuntimeError(f"{' '.join(arguments)} ended before it was ready")
        yield Process(process, ready.strip())
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def framesrv(*arguments: str, http: str = "off") -> tuple[str, ...]:
    """The command line of a server on free ports of loopback."""
    listen = ("--listen", "127.0.0.1:0", "--http", http)
    return ("-m", "framesrv", "serve", *listen, "--log-level", "warning", *arguments)


def grpc_target(process: Process) -> str:
    return _told(process, "grpc=").split(",")[0]


def http_target(process: Process) -> str:
    return _told(process, "http=")


def _told(process: Process, what: str) -> str:
    """From the ready line."""
    for word in process.ready.split():
        if word.startswith(what):
            return word.removeprefix(what)
    raise RuntimeError(f"no {what} in {process.ready!r}")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process has no pipes")
    return process.stdin, process.stdout
