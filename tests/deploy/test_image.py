"""deploy/Dockerfile, as far as it can be checked without building it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.readiness import Readiness
from tests.deploy.dockerfile import copied, health_check, stages
from tests.deploy.files import DEPLOY, ROOT
from tests.deploy.serving import asked, value_of
from tests.observability.helpers import serving

TEXT = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
BUILD, RUN = stages(TEXT)
COMMAND = RUN.exec_form("CMD")


def test_the_bases_are_one_and_of_a_version() -> None:
    assert BUILD.base == RUN.base
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", RUN.base)


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    for source in copied(BUILD):
        assert (ROOT / source).exists()
        assert f"!{source.removeprefix('./')}" in ignored
    assert copied(RUN) == []
    assert [each.split()[0] for each in RUN.all("COPY")] == [f"--from={BUILD.name}"]


def test_only_what_is_pinned_is_installed_and_no_index_is_named() -> None:
    steps = " && ".join(BUILD.all("RUN"))
    installs = re.findall(r"python -m pip (?:--python \S+ )?(?:install|wheel) [^&]+", steps)
    assert len(installs) == 4
    first, *later = installs
    assert "--require-hashes" in first
    assert all("--no-index" in each for each in later)
    assert "://" not in steps
    assert "pip" not in " ".join(RUN.all("RUN"))


def test_it_runs_without_rights_and_ends_in_order() -> None:
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", RUN.last("USER"))
    assert RUN.last("STOPSIGNAL") == "SIGTERM"
    assert RUN.exec_form("ENTRYPOINT") == ["framesrv"]


def test_its_ports_are_those_it_listens_on() -> None:
    ports = [value_of(flag, COMMAND).rpartition(":")[2] for flag in ("--listen", "--http")]
    assert RUN.last("EXPOSE").split() == ports
    assert f":{ports[1]}/" in health_check(RUN)[-1]


def test_its_command_starts_only_with_a_word_on_safety(tmp_path: Path) -> None:
    token = tmp_path / "token"
    alone = asked(COMMAND, {}, token, "")
    assert alone.returncode == 2
    assert "--insecure-public" in alone.stderr
    assert "--http-token-file" in alone.stderr
    more = [*COMMAND, "--insecure-public", "--http-token-file", "TOKEN"]
    assert asked(more, {}, token, "TOKEN").returncode == 0


def test_its_health_check_is_the_server_s_own() -> None:
    python, *arguments, program = health_check(RUN)
    assert python == "python"
    readiness = Readiness()
    with serving(readiness) as server:
        here = program.replace("127.0.0.1:9464", str(HttpAddress("127.0.0.1", server.address.port)))
        check = [sys.executable, *arguments, here]
        assert subprocess.run(check, capture_output=True, check=False, timeout=60).returncode != 0
        readiness.ready()
        assert subprocess.run(check, capture_output=True, check=False, timeout=60).returncode == 0
