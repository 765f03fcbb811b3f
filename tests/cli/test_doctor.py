"""`framesrv doctor`: what it finds, and what it makes of a machine that is not fit."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from framesrv.cli import checkup
from framesrv.cli.checkup import Finding, Mark
from framesrv.cli.doctor import doctor
from framesrv.pool.machine import default_budget_bytes
from tests.cli.served import finish, framesrv

app = typer.Typer()
app.command()(doctor)


def by_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {each.name: each for each in findings}


def test_this_machine_is_fit() -> None:
    code, out, err = finish(framesrv("doctor"))
    assert (code, err) == (0, "")
    assert out.endswith("fit to serve\n")
    for told in ("python", "grpcio", "simplejpeg JPEG", "cores usable", "50051", "debug level"):
        assert told in out


def test_json_says_the_same_to_programs() -> None:
    done = CliRunner().invoke(app, ["--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (0, True)
    found = {each["name"]: each for each in told["findings"]}
    assert found["pools' budget"]["value"] == f"{default_budget_bytes() // 2**20:,} MiB"
    assert found["python"]["value"] == sys.version.split()[0]
    assert {each["mark"] for each in told["findings"]} <= {"good", "note"}


def test_every_codec_is_really_tried() -> None:
    found = by_name(checkup.codecs())
    assert len(found) == 7
    assert {each.mark for each in found.values()} == {Mark.GOOD}


def test_a_codec_that_changes_the_picture_or_breaks_is_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import imagecodecs
    import simplejpeg

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("no such codec")

    monkeypatch.setattr(simplejpeg, "decode_jpeg", lambda *_, **__: checkup_picture() * 0)
    monkeypatch.setattr(imagecodecs, "png_decode", broken)
    found = by_name(checkup.codecs())
    assert found["simplejpeg JPEG"].mark is Mark.BAD
    assert "the picture comes back changed" in found["simplejpeg JPEG"].value
    assert found["imagecodecs PNG"].value == "RuntimeError: no such codec"
    assert found["imagecodecs PNG"].advice == "reinstall imagecodecs"
    assert found["opencv PNG"].mark is Mark.GOOD


def checkup_picture() -> Any:
    import numpy as np

    return np.zeros((32, 48, 3), np.uint8)


@pytest.mark.parametrize(
    ("name", "old", "why"),
    [
        ("grpcio", "1.83.9", "its message cap did not cap memory"),
        ("opencv-python-headless", "4.11.0.86", "handed out pixels of the client before"),
        ("pillow", "12.2.9", "known faults in their decoders"),
    ],
)
def test_a_version_below_the_floor_is_a_warning(name: str, old: str, why: str) -> None:
    found = by_name(checkup.versions(lambda asked: old if asked == name else "9999.0"))
    assert (found[name].value, found[name].mark) == (old, Mark.BAD)
    assert why in found[name].advice
    assert [each.name for each in found.values() if each.mark is Mark.BAD] == [name]


def test_what_is_missing_is_a_warning_and_another_opencv_is_taken() -> None:
    def of(name: str) -> str:
        if name in {"grpcio", "opencv-python-headless"}:
            raise PackageNotFoundError(name)
        return "9999.0"

    found = by_name(checkup.versions(of))
    assert (found["grpcio"].value, found["grpcio"].advice) == ("missing", "pip install grpcio")
    assert found["opencv-python"].mark is Mark.NOTE
    assert "opencv-python-headless" not in found


def test_a_port_in_use_is_worth_knowing_but_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(checkup, "PORTS", (("gRPC", port),))
        (found,) = checkup.ports()
        assert found.mark is Mark.NOTE
        assert found.value == f"127.0.0.1:{port} is in use"
        assert "--listen" in found.advice
    (found,) = checkup.ports()
    assert (found.mark, found.value) == (Mark.GOOD, f"127.0.0.1:{port} is free")


def test_settings_that_a_server_would_refuse_are_exit_code_1() -> None:
    code, out, err = finish(framesrv("doctor", FRAMESRV_POOL_DEBUG="poisen", FRAMESRV_WORKERS="x"))
    assert (code, err) == (1, "")
    assert "did you mean 'poison'?" in out
    assert "FRAMESRV_WORKERS is 'x'" in out
    assert "1 to mend" in out
    code, out, _ = finish(framesrv("doctor", FRAMESRV_POOL_DEBUG="fence"))
    assert code == 0
    assert "slower than a server should be" in out


def test_little_memory_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("framesrv.pool.machine.memory_limit_bytes", lambda: 300 * 2**20)
    found = by_name(checkup.machine())
    assert found["pools' budget"].mark is Mark.BAD
    assert found["pools' budget"].value == "150 MiB"


def test_a_part_that_cannot_be_checked_does_not_hide_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> Any:
        raise ImportError("libGL is missing")

    broken.__name__ = "codecs"
    monkeypatch.setattr(checkup, "codecs", broken)
    found = by_name(checkup.examine())
    assert found["checking it"].value == "ImportError: libGL is missing"
    assert "cores usable" in found
