"""The judging of peers, and that a peer is counted and ended with all that it starts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.peers import clients, findings
from benchmarks.peers.findings import Beside, Cost, Found
from benchmarks.peers.roster import PEERS
from benchmarks.peers.running import DidNotStart, running

_BY_KEY = {peer.key: peer for peer in PEERS}


def _beside(key: str, cpu_us: float, p99_s: float) -> Beside:
    ours = {way: Cost([100.0, 100.0], [1.0], [0.002]) for way in findings.OURS}
    theirs = Cost([cpu_us, cpu_us], [1.0], [p99_s])
    return Beside(_BY_KEY[key], theirs, ours, 0, 0.0)


def test_the_nearest_peer_makes_the_figure() -> None:
    beside = [
        _beside("mosec", 300, 0.001),
        _beside("ray", 200, 0.004),
        _beside("grpcio_kept", 110, 0.0001),  # there to explain, and not judged
    ]
    made = findings.figures(Found(beside, {"thumbor": "no"}, {}, 0, "0"))
    values = {figure.key: figure.value for figure in made}
    assert values["peers.unary"] == values["peers.stream"] == 2.0
    assert values["peers.p99"] == 2.0
    assert values["peers.unary_mosec"] == 3.0
    assert "2 of 7 peers measured" in made[0].what


def test_who_did_not_start_is_told_with_the_reason() -> None:
    found = Found([_beside("grpcio", 300, 0.001)], {"thumbor": "no such port"}, {}, 0, "0")
    assert any("thumbor did not start: no such port" in note for note in findings.notes(found))
    assert any("no such port" in cell for row in findings.table(found).rows for cell in row)


def test_an_end_before_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its child has a session of its own and another parent by then."""
    told = tmp_path / "pid"
    sleeper = f"""
import os, pathlib, signal
part = pathlib.Path({str(told)!r} + '.part')
part.write_text(str(os.getpid()))
part.rename({str(told)!r})
signal.pause()
"""
    script = f"""
import os, pathlib, subprocess, sys
subprocess.Popen([sys.executable, '-c', {sleeper!r}], start_new_session=True)
while not pathlib.Path({str(told)!r}).exists():
    os.sched_yield()
sys.exit('no reason at all')
"""
    peer = dataclasses.replace(
        _BY_KEY["mosec"],
        arguments=lambda port, folder: ["-c", script],
        connect=clients.posted("/"),
    )
    with pytest.raises(DidNotStart, match="no reason at all"), running(peer, [b""]):
        pass
    assert not Path("/proc", told.read_text()).exists()


def test_an_answer_that_is_no_jpeg_of_that_size_is_found() -> None:
    with pytest.raises(clients.WrongAnswer):
        clients.check(b"\xff\xd8 and no more")
