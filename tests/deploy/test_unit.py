"""deploy/framesrv.service: its command is one, its limits fit, and systemd can read it."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from framesrv.engine import EngineSettings
from framesrv.pool import PoolSettings
from tests.deploy.files import DEPLOY
from tests.deploy.serving import asked, least_memory, mebibytes, seconds, value_of

FILE = DEPLOY / "framesrv.service"
TEXT = re.sub(r"\\\n\s*", "", FILE.read_text(encoding="utf-8"))
SECRET = "%d/http_token"  # noqa: S105 - the name of a file


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(TEXT)
    assert unit.sections() == ["Unit", "Service", "Install"]
    return unit["Service"]


def command() -> list[str]:
    program, *arguments = shlex.split(service()["ExecStart"])
    assert Path(program).name == "framesrv"
    return arguments


def test_its_command_starts_a_server(tmp_path: Path) -> None:
    done = asked(command(), {}, tmp_path / "token", SECRET)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_token_comes_as_a_credential() -> None:
    assert value_of("--http-token-file", command()) == SECRET
    assert service()["LoadCredential"].partition(":")[0] == Path(SECRET).name


def test_it_ends_in_order_and_is_started_again_after_a_fault_only() -> None:
    unit = service()
    assert unit["KillSignal"] == "SIGTERM"
    assert seconds(unit["TimeoutStopSec"]) > float(value_of("--grace", command()))
    assert unit["Restart"] == "on-failure"
    assert unit["RestartPreventExitStatus"] == "2"  # it cannot start, and never will


def test_the_limit_on_memory_fits_the_budget() -> None:
    least = least_memory(PoolSettings().budget_bytes, EngineSettings().max_in_flight_bytes)
    assert mebibytes(service()["MemoryMax"]) >= least


def test_it_is_locked_down() -> None:
    unit = service()
    assert unit["CapabilityBoundingSet"] == ""
    assert unit["ProtectSystem"] == "strict"
    for name in ("DynamicUser", "NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome"):
        assert unit[name] == "yes"


def test_systemd_can_read_it(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    here = tmp_path / FILE.name
    installed = shlex.split(service()["ExecStart"])[0]
    here.write_text(FILE.read_text(encoding="utf-8").replace(installed, "/bin/true"))
    done = subprocess.run(
        [program, "verify", str(here)], capture_output=True, text=True, check=False, timeout=60
    )
    # What it says of other units of this machine is not about this one.
    own = [line for line in done.stderr.splitlines() if FILE.name in line]
    assert own == []
