"""A reader of the log that stops reading holds up nobody, and is told what it missed."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from framesrv.observability.logs.lines import LineHandler, json_lines, set_up
from framesrv.observability.logs.settings import LogFormat, LogSettings
from framesrv.observability.logs.writer import LineWriter, may_wait

HANG_S = 20.0
ROOM_BYTES = 20_000
LINES = 5000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ours, its = os.pipe()
    try:
        yield ours, its
    finally:
        for end in (its, ours):
            try:
                os.close(end)
            except OSError:  # a test closed it
                continue


def record(number: int) -> logging.LogRecord:
    made = logging.LogRecord("framesrv", logging.INFO, "file.py", 7, "line", (), None)
    made.__dict__["number"] = number
    return made


def log_all(handler: LineHandler, numbers: range) -> None:
    def work() -> None:
        for number in numbers:
            handler.handle(record(number))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(HANG_S)
    assert not thread.is_alive(), "it waits for the reader"


def read_all(ours: int) -> threading.Thread:
    """Read until the last writer has gone; the lines are its ``lines``."""

    def work() -> None:
        with open(ours, encoding="ascii", closefd=False) as file:
            reader.lines = [json.loads(line) for line in file]  # type: ignore[attr-defined]

    reader = threading.Thread(target=work, daemon=True)
    reader.start()
    return reader


def lines_of(reader: threading.Thread) -> list[dict[str, Any]]:
    reader.join(HANG_S)
    found: list[dict[str, Any]] = reader.lines  # type: ignore[attr-defined]
    return found


def test_nobody_waits_for_a_reader_that_stopped(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    writer = LineWriter(its, ROOM_BYTES)
    handler = LineHandler(writer, json_lines())
    log_all(handler, range(LINES))
    reader = read_all(ours)
    log_all(handler, range(LINES, LINES + 1))  # there may be no room for it yet
    handler.close()
    lost = writer.settle()
    os.close(its)
    lines = lines_of(reader)
    numbers = [line["number"] for line in lines if "number" in line]
    assert numbers == sorted(numbers)
    assert numbers[:50] == list(range(50))
    assert len(numbers) < LINES
    assert len(numbers) + lost + sum(line.get("lost", 0) for line in lines) == LINES + 1


def test_the_next_line_after_a_loss_is_about_it(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    writer = LineWriter(its, ROOM_BYTES)
    handler = LineHandler(writer, json_lines())
    log_all(handler, range(LINES))
    reader = read_all(ours)
    hang = threading.Event()
    while writer._waiting_bytes:
        assert not hang.wait(0.001)
    log_all(handler, range(LINES, LINES + 1))
    handler.close()
    os.close(its)
    lines = lines_of(reader)
    *_, told, last = lines
    assert (told["event"], told["level"]) == ("lines were lost: nobody read", "warning")
    assert last["number"] == LINES
    written = sum("number" in line for line in lines)
    assert written + sum(line.get("lost", 0) for line in lines) == LINES + 1


def test_what_waits_is_written_at_the_end(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    reader = read_all(ours)
    handler = LineHandler(LineWriter(its), json_lines())
    log_all(handler, range(LINES))
    handler.close()
    os.close(its)
    assert [line["number"] for line in lines_of(reader)] == list(range(LINES))


def test_an_end_does_not_wait_for_a_reader_that_stopped(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    writer = LineWriter(its)
    handler = LineHandler(writer, json_lines())
    log_all(handler, range(LINES))
    closing = threading.Thread(target=handler.close, daemon=True)
    closing.start()
    closing.join(HANG_S)
    assert not closing.is_alive()
    assert writer._thread.is_alive()
    os.close(ours)  # nothing holds it up any more, and another may have the descriptor next
    writer._thread.join(HANG_S)
    assert not writer._thread.is_alive()


def test_a_descriptor_that_does_not_wait_gets_all_lines_too(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    os.set_blocking(its, False)
    handler = LineHandler(LineWriter(its), json_lines())
    log_all(handler, range(LINES))
    reader = read_all(ours)
    handler.close()
    os.close(its)
    assert [line["number"] for line in lines_of(reader)] == list(range(LINES))


def test_a_descriptor_that_is_closed_is_nobody_s_fault(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    os.close(ours)
    handler = LineHandler(LineWriter(its), json_lines())
    log_all(handler, range(10))
    handler.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_child_of_a_fork_writes_by_itself(pipe: tuple[int, int]) -> None:
    ours, its = pipe
    handler = LineHandler(LineWriter(its), json_lines())
    handler.handle(record(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads are there: that is the point
        child = os.fork()
    if not child:
        signal.alarm(int(HANG_S))
        handler.handle(record(2))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    handler.close()
    os.close(its)
    assert sorted(line["number"] for line in lines_of(read_all(ours))) == [1, 2]


def test_files_are_written_without_a_thread(tmp_path: Path, pipe: tuple[int, int]) -> None:
    with (tmp_path / "log").open("w") as file:
        assert not may_wait(file)
    assert not may_wait(io.StringIO())
    with open(pipe[1], "w", closefd=False) as file:
        assert may_wait(file)


def test_a_process_without_stderr_logs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger()
    before, level = list(logger.handlers), logger.level
    for handler in before:
        logger.removeHandler(handler)
    monkeypatch.setattr(sys, "stderr", None)
    try:
        set_up(LogSettings(format=LogFormat.AUTO))
        logging.getLogger("framesrv").error("nobody hears this")
    finally:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        for handler in before:
            logger.addHandler(handler)
        logger.setLevel(level)
        logging.captureWarnings(False)
