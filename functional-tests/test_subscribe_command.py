"""`framesrv subscribe` as a user runs it: real server, real senders, and Ctrl-C."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import cv2
import numpy as np
import pytest
from server_process import WAIT_S, ServerProcess, clean_environ, command, running_server

from framesrv.client import FrameClient, Output, Pipeline

NOISY = Pipeline(Output("pixels", encoding="raw"))
PAGE = Path(__file__).parents[1] / "docs" / "streams.md"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server() as running:
        yield running


@contextmanager
def started(*args: str, folder: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command, which does not outlive the block."""
    with subprocess.Popen(
        command(*args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
        env=clean_environ({"NO_COLOR": "1", "TERM": "dumb"}),
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=2 * WAIT_S)
    return process.returncode, out, err


def interrupted(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    return finished(process)


def until(happened: Callable[[], object], process: subprocess.Popen[str] | None = None) -> None:
    pause, end = Event(), monotonic() + WAIT_S
    while not happened():
        if monotonic() > end or (process is not None and process.poll() is not None):
            raise AssertionError(f"it never happened {process and finished(process)}")
        pause.wait(0.01)


def camera(server: ServerProcess, name: str) -> tuple[str, ...]:
    return ("send", "synthetic:320x240@30", "--publish", "--stream-id", name,
            "--to", server.grpc_address)  # fmt: skip


def film(path: Path) -> list[Any]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    found = []
    while (read := capture.read())[0]:
        found.append(read[1])
    capture.release()
    return found


def commands_of_the_page() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ framesrv ") for line in lines)
    return [shlex.split(line)[2:] for line in lines]


def test_the_two_cameras_of_the_page_become_one_film(server: ServerProcess, tmp_path: Path) -> None:
    door, yard, both = commands_of_the_page()
    to = ("--to", server.grpc_address)
    with started(*door, *to) as first, started(*yard, *to) as second:
        with started(*both, *to, "--json", folder=tmp_path) as process:
            code, out, err = finished(process)
        assert code == 0, err
        told = json.loads(out)
        assert (told["frames"], set(told["streams"])) == (50, {"door", "yard"})
        assert told["written"].endswith(" frames in both.mp4")
        assert told["merged_frames"] == sum(each["delivered"] for each in told["streams"].values())
        pictures = film(tmp_path / "both.mp4")
        assert len(pictures) >= 50
        assert pictures[0].shape == (360, 1280, 3)
        sides = [(each[:, :640].std(), each[:, 640:].std()) for each in pictures]
        assert any(min(side) > 10 for side in sides)  # both are there
        assert [each.name for each in tmp_path.iterdir()] == ["both.mp4"]
        for sender in (first, second):
            code, out, _ = interrupted(sender)
            assert code == 130
            assert " 0 failed, 0 dropped" in out
    until(lambda: server.metric("framesrv_subscribers") == 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_leaves_whole_files(
    server: ServerProcess, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "frames"
    to = ("--to", server.grpc_address)
    with started("subscribe", "hall", "--wait", "--out", str(out), *to) as process:
        until(lambda: server.metric("framesrv_subscribers") == 1, process)
        with started(*camera(server, "hall")):
            until((out / "frame-000005.jpg").exists, process)
            process.send_signal(number)
            code, said, err = finished(process)
    assert (code, err.count("Traceback")) == (130, 0)
    files = sorted(out.iterdir())
    assert said.startswith("interrupted; ")
    assert f"; {len(files)} files in {out}" in said
    assert [each.name for each in files] == [f"frame-{n + 1:06d}.jpg" for n in range(len(files))]
    assert all(cv2.imread(str(each)) is not None for each in files)
    until(lambda: server.metric("framesrv_subscribers") == 0)


def test_the_next_publisher_of_the_name_is_watched_as_well(
    server: ServerProcess, tmp_path: Path
) -> None:
    to = ("--to", server.grpc_address)
    args = ("subscribe", "gate", "--wait", "--out", str(tmp_path), "--json", *to)
    with started(*args) as process:
        until(lambda: server.metric("framesrv_subscribers") == 1, process)
        for _ in range(2):
            with started(*camera(server, "gate"), "--frames", "5") as sender:
                assert finished(sender)[0] == 0
        until((tmp_path / "frame-000010.jpg").exists, process)
        code, out, _ = interrupted(process)
    told = json.loads(out)
    assert (code, told["frames"], told["missed"]) == (130, 10, 0)
    assert told["started"] == 2


def test_a_stream_that_nobody_publishes_is_exit_code_3(server: ServerProcess) -> None:
    with started("subscribe", "nobody", "--to", server.grpc_address) as process:
        code, _, err = finished(process)
    assert code == 3
    assert "nobody publishes: nobody; publish it first" in err
    assert "[NOT_FOUND, UNKNOWN_STREAM]" in err


def test_a_server_that_stops_is_exit_code_3_and_what_came_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "door.mp4"
    part = tmp_path / ".door.part.mp4"
    with running_server() as server, started(*camera(server, "door")):
        to = ("--to", server.grpc_address)
        with started("subscribe", "door", "--wait", "--out", str(out), *to) as process:
            until(lambda: part.exists() and part.stat().st_size > 10_000, process)
            assert server.terminate() == 0
            code, said, err = finished(process)
    assert code == 3
    assert "the server is closing" in err
    assert f"; {len(film(out))} frames in {out}" in said


def test_what_is_missed_is_told_and_leaves_its_numbers_free(tmp_path: Path) -> None:
    """A subscriber that is stopped, as by Ctrl-Z, while frames are published."""
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 3), np.uint8)
    patient = {"FRAMESRV_FAN_OUT_STALL_S": "3600"}
    with running_server(environ=patient) as server, FrameClient(server.grpc_address) as client:
        to = ("--to", server.grpc_address)
        args = ("subscribe", "lane", "--wait", "--queue", "2", "--out", str(tmp_path), "--json")
        with started(*args, *to) as process:
            until(lambda: server.metric("framesrv_subscribers") == 1, process)
            process.send_signal(signal.SIGSTOP)
            published, lost = 0, 0.0
            while not lost:  # what the kernel holds on the way is not for us to say
                frames = [noise] * 20
                for result in client.stream(frames, NOISY, stream_id="lane", publish=True):
                    assert result.ok
                    published += 1
                lost = server.metric("framesrv_subscriber_dropped_frames_total")
            process.send_signal(signal.SIGCONT)
            until((tmp_path / f"frame-{published:06d}.png").exists, process)
            code, out, _ = interrupted(process)
    told = json.loads(out)
    lane = told["streams"]["lane"]
    assert code == 130
    assert lane["delivered"] + lane["missed"] == published
    assert lane["missed"] == told["missed"] >= lost
    assert lane["delivered"] == told["frames"]
    files = sorted(each.name for each in tmp_path.iterdir())
    assert told["written"].startswith(f"{len(files)} file")
    assert files[-1] == f"frame-{published:06d}.png"
