"""The ``framesrv`` command itself: help, version, and faults that are told in a line."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from typing import Any

import pytest

import framesrv
from framesrv.cli import main as cli
from framesrv.config.rooms import FLAGS


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "framesrv", *args],
        capture_output=True, text=True, check=False, timeout=30,
        env=os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"},
    )  # fmt: skip


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"framesrv {framesrv.__version__}\n")


def test_help_names_every_command() -> None:
    for args in (["--help"], ["-h"]):
        done = run(*args)
        assert done.returncode == 0
        assert all(name in done.stdout for name, _ in cli.COMMANDS)
    assert "Usage" in run().stdout


def test_help_of_serve_names_every_flag_and_exit_code() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0
    for told in (*FLAGS.values(), "--config", "--show-config", "Exit codes", "130 and 143"):
        assert told in done.stdout


def test_an_unknown_command_or_flag_is_exit_code_2() -> None:
    for args in (["sevre"], ["serve", "--lisen", "x"]):
        done = run(*args)
        assert done.returncode == cli.CANNOT_START
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("args", [["--help"], ["serve", "--help"], ["--version"]])
def test_asking_for_help_loads_nothing_heavy(args: list[str]) -> None:
    program = (
        "import sys; sys.argv = ['framesrv', *sys.argv[1:]]\n"
        "from framesrv.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'cv2', 'grpc', 'uvicorn', 'asyncio', 'prometheus_client'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, check=True
    )
    assert done.stderr == "[]\n"


@pytest.mark.parametrize("library", ["typer", "uvicorn", "grpc"])
def test_a_missing_library_is_told_in_a_line(
    library: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["framesrv", "serve", "--listen", "127.0.0.1:0"])
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == library or name == "framesrv.cli.running":
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == cli.CANNOT_START
    told = capsys.readouterr().err
    assert told.startswith(f"framesrv: the library {library!r} is missing")
    assert len(told.splitlines()) == 1


def test_a_missing_module_of_ours_is_a_bug_and_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug() -> int:
        raise ModuleNotFoundError("no", name="framesrv.cli.gone")

    monkeypatch.setattr(cli, "_run", bug)
    with pytest.raises(ModuleNotFoundError):
        cli.main()


def test_an_interrupt_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_run", interrupted)
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == cli.INTERRUPTED
