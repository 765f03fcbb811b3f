"""The real Prometheus as a process, and promtool, for tests that ask them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, TypeVar

import pytest

WAIT_S: Final = 30.0
_STARTS_MAX: Final = 5
_PACE_S: Final = 0.05
_TAKEN: Final = "address already in use"

T = TypeVar("T")


def tool(name: str) -> str:
    """Its path; without it the test is skipped, or fails where all tools must be there."""
    path = shutil.which(name)
    if path is None:
        told = f"{name} is not installed: apt-get install prometheus"
        if os.environ.get("MUST_HAVE_TOOLS") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return path


def promtool(*arguments: str | Path, stdin: str | None = None) -> tuple[int, str]:
    """Its exit code and all that it said."""
    done = subprocess.run(
        [tool("promtool"), *map(str, arguments)],
        input=stdin, text=True, check=False, timeout=WAIT_S,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


class Sample(NamedTuple):
    labels: dict[str, str]
    value: float


class Prometheus:
    """One that is ready."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    def api(self, path: str, **parameters: str) -> Any:
        """The data of an answer; what it refuses is an AssertionError with its own words."""
        asked = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(asked, timeout=WAIT_S) as answer:  # noqa: S310
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert found["status"] == "success", found
        return found["data"]

    def samples(self, expr: str) -> list[Sample]:
        found = self.api("query", query=expr)
        assert found["resultType"] in ("vector", "scalar"), found
        if found["resultType"] == "scalar":
            return [Sample({}, float(found["result"][1]))]
        return [Sample(each["metric"], float(each["value"][1])) for each in found["result"]]

    def until(self, ask: Callable[[], T], why: str) -> T:
        """The first answer that is true; TimeoutError if there is none."""
        end = time.monotonic() + WAIT_S
        while not (found := ask()):
            if time.monotonic() > end:
                raise TimeoutError(why)
            with suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"Prometheus ended with {self._process.wait(_PACE_S)}")
        return found


@contextmanager
def running_prometheus(config: Path, folder: Path, *flags: str) -> Iterator[Prometheus]:
    """It cannot pick a port itself: one is found free, and another if it was taken meanwhile."""
    program = tool("prometheus")
    for _ in range(_STARTS_MAX):
        address = f"127.0.0.1:{_free_port()}"
        command = [
            program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}", *flags,
        ]  # fmt: skip
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
            try:
                if _is_ready(process, f"http://{address}", log):
                    yield Prometheus(process, f"http://{address}")
                    return
            finally:
                _end(process)
    raise AssertionError(f"every one of {_STARTS_MAX} free ports was taken before it was used")


def _is_ready(process: subprocess.Popen[bytes], url: str, log: IO[bytes]) -> bool:
    """False: somebody else was faster on that port."""
    end = time.monotonic() + WAIT_S
    while process.poll() is None:
        if _answers(f"{url}/-/ready"):
            return process.poll() is None  # else it was another's that answered
        assert time.monotonic() < end, _told(log)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PACE_S)
    assert _TAKEN in _told(log), _told(log)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=WAIT_S):  # noqa: S310
            return True
    except urllib.error.HTTPError as error:  # it listens, and is not ready
        error.close()
    except (urllib.error.URLError, ConnectionError):
        pass
    return False


def _told(log: IO[bytes]) -> str:
    return os.pread(log.fileno(), 1 << 20, 0).decode(errors="replace")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
