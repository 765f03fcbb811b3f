"""The server under test, as a process; a gate for its workers; and chance that repeats itself."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pictures import as_it_is, custom
from server_process import clean_environ

from framesrv.protocol.gen import frames_pb2 as pb

HERE = Path(__file__).parent
PATIENCE_S = 60.0
PROCESSORS = [f"{name}=tricks:{name}" for name in ("gate", "nothing", "fails", "fatal")]


class Running:
    """A server that was started, and what it says of itself."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        assert process.stdout is not None
        self.ready = process.stdout.readline()
        if not self.ready.startswith("ready "):
            process.wait(PATIENCE_S)
            raise AssertionError(f"the server did not start:\n{self.log()}")
        self.addresses = self.ready.split()[1].split(",")
        self.address = self.addresses[0]
        self._asking = threading.Lock()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stats(self) -> dict[str, Any]:
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._asking:
            process.stdin.write("\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
        return found

    def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """What the server says once this holds of it."""
        end = time.monotonic() + PATIENCE_S
        while not holds(found := self.stats()):
            assert time.monotonic() < end, found
            threading.Event().wait(0.02)
        return found

    def settled(self) -> dict[str, Any]:
        """Every lease is home, nothing is in flight, no stream is open."""
        self.until(lambda s: s["admitted"] == [0, 0] and not s["calls"])
        return self.until(_home)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    @property
    def rss_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def _home(stats: dict[str, Any]) -> bool:
    left = ("leased", "quarantined", "streams", "watching", "merges", "published_bytes")
    return not any(stats[what] for what in left)


@contextlib.contextmanager
def serving(
    folder: Path, *, env: dict[str, str] | None = None, quiet: bool = True, **settings: Any
) -> Iterator[Running]:
    """A server. At the end it must be at rest, end with 0 when told to, and, if ``quiet``, have
    logged no error."""
    settings.setdefault("processors", PROCESSORS)
    log = folder / f"server-{time.monotonic_ns()}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "stage.py"), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environ(env),
        )
    with process:
        try:
            server = Running(process, log)
            try:
                yield server
                if process.poll() is None:
                    server.settled()
            finally:
                if process.poll() is None:
                    server.terminate()
            assert server.wait() == 0, server.log()
            if quiet:
                assert "Traceback" not in server.log(), server.log()
        finally:
            if process.poll() is None:
                process.kill()


class Gate:
    """Holds every worker that comes to it, until it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"gate-{time.monotonic_ns()}"
        self.folder.mkdir()

    @property
    def pipeline(self) -> pb.Pipeline:
        return as_it_is(pb.ENCODING_JPEG, custom("gate", here=str(self.folder)))

    def entered(self) -> int:
        return len(list(self.folder.glob("in-*")))

    def wait_for(self, count: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.entered() < count:
            assert time.monotonic() < end, "no worker came to the gate"
            threading.Event().wait(0.005)

    def open(self) -> None:
        (self.folder / "open").touch()


def dice(seed: object) -> random.Random:
    """Chance that comes out the same every time."""
    return random.Random(str(seed))  # noqa: S311 - nobody is to be kept from guessing
