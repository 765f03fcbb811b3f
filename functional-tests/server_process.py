"""The real server as a process of its own, for tests that speak to it as a stranger would.

Run as a program, it says how long a start takes.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

READY: Final = re.compile(r"framesrv ready grpc=(\S+) http=(\S+)\n")
WAIT_S: Final = 30.0


class ServerProcess:
    """A server that has said it is ready."""

    def __init__(
        self, process: subprocess.Popen[str], log: IO[str], ready: str, started_s: float
    ) -> None:
        self.process = process
        self.started_s = started_s  # from the start of the process to the ready line
        self._log = log
        match = READY.fullmatch(ready)
        if match is None:
            raise AssertionError(f"not a ready line: {ready!r}")
        self.grpc_addresses = match[1].split(",")
        self.grpc_address = self.grpc_addresses[0]
        self.http_address = "" if match[2] == "off" else match[2]
        self.http_url = f"http://{self.http_address}" if self.http_address else ""

    @property
    def stderr(self) -> str:
        """What it has logged so far."""
        return os.pread(self._log.fileno(), 1 << 24, 0).decode()

    def logged(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of its log so far, each an object; with ``event``, those of it."""
        lines: list[dict[str, Any]] = [
            json.loads(line) for line in self.stderr.splitlines(keepends=True) if line[-1] == "\n"
        ]
        return [line for line in lines if event in ("", line["event"])]

    def get(self, path: str, timeout_s: float = WAIT_S) -> str:
        with urllib.request.urlopen(self.http_url + path, timeout=timeout_s) as answer:  # noqa: S310
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """One sample of /metrics; the labels in any order."""
        for line in self.get("/metrics").splitlines():
            sample, _, value = line.rpartition(" ")
            told, _, inside = sample.partition("{")
            if told == name and dict(re.findall(r'(\w+)="([^"]*)"', inside)) == labels:
                return float(value)
        raise AssertionError(f"/metrics has no {name} with {labels}")

    def signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def wait(self, timeout_s: float = WAIT_S) -> int:
        return self.process.wait(timeout_s)

    def terminate(self, timeout_s: float = WAIT_S) -> int:
        """Ask it to drain, wait, and return its exit code."""
        self.signal()
        return self.wait(timeout_s)

    def rest_of_stdout(self) -> str:
        """What it printed after the ready line; only once it has ended."""
        return "" if self.process.stdout is None else self.process.stdout.read()


@contextmanager
def running_server(
    *args: str, environ: Mapping[str, str] | None = None, folder: Path | None = None
) -> Iterator[ServerProcess]:
    """A server on free ports, unless ``args`` say where; it is gone when the block is left."""
    with tempfile.TemporaryFile("w+") as log:
        begun = time.monotonic()
        with subprocess.Popen(
            command("serve", *_somewhere(args)),
            stdout=subprocess.PIPE, stderr=log, text=True, env=clean_environ(environ), cwd=folder,
        ) as process:  # fmt: skip
            try:
                ready = _first_line(process)
                if not ready:
                    code = process.wait(WAIT_S)
                    told = os.pread(log.fileno(), 1 << 20, 0).decode()
                    raise AssertionError(f"it ended with {code} before it was ready:\n{told}")
                yield ServerProcess(process, log, ready, time.monotonic() - begun)
            finally:
                _end(process)


def refused(*args: str, environ: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Start a server that is expected to end by itself: its exit code, stdout and stderr."""
    done = subprocess.run(
        command("serve", *_somewhere(args)),
        capture_output=True, text=True, check=False, timeout=WAIT_S, env=clean_environ(environ),
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "framesrv", *args]


def clean_environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without settings that its user may have for a server, and without
    what would have its coverage measured: that makes it several times as slow."""
    without = ("FRAMESRV_", "COVERAGE_")
    ours = {name: text for name, text in os.environ.items() if not name.startswith(without)}
    return ours | dict(more or {})


def _somewhere(args: tuple[str, ...]) -> tuple[str, ...]:
    for flag in ("--listen", "--http"):
        if flag not in args and "--config" not in args:
            args = (flag, "127.0.0.1:0", *args)
    return args


def _first_line(process: subprocess.Popen[str]) -> str:
    """Empty if the process ended first."""
    if process.stdout is None:
        raise RuntimeError("the process was started without a pipe")
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(WAIT_S):
            raise AssertionError(f"it was not ready within {WAIT_S} s")
    return process.stdout.readline()


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()


def main(starts: int = 15) -> None:
    took = []
    for _ in range(starts):
        with running_server() as server:
            took.append(server.started_s)
    print(
        f"start to ready line, {starts} starts: median {statistics.median(took):.2f} s, "
        f"from {min(took):.2f} to {max(took):.2f} s"
    )


if __name__ == "__main__":
    main()
