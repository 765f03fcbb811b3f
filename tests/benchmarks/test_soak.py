"""The soak: its clients see what they should, what is lost is counted, and nothing is left."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest

from benchmarks.serving import accounts
from benchmarks.serving.mixture import Mixture, prepared
from benchmarks.serving.processes import framesrv, grpc_target, started
from benchmarks.serving.sampling import minor_faults, peak_mib, sample
from framesrv.protocol.gen import frames_pb2 as pb

ROOT = Path(__file__).parents[2]
PAGES = 2000
OK, FAILED = pb.FRAME_STATUS_OK, pb.FRAME_STATUS_FAILED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def results(*statuses: pb.FrameStatus) -> list[pb.FrameResult]:
    return [pb.FrameResult(status=status) for status in statuses]


def test_two_rounds_against_a_real_server() -> None:
    with started(*framesrv()) as server, Mixture(grpc_target(server), prepared()) as mixture:
        for number in range(2):
            mixture.round(number)
        count = mixture.count
    assert (count.sent, count.lost) == (160, 0)
    assert (count.refused, count.cancelled, count.died) == (6, 2, 1)


@pytest.mark.parametrize(
    ("expected", "came", "lost"),
    [
        ([OK, OK], results(OK, OK), 0),
        ([OK, FAILED], results(OK, FAILED), 0),
        ([OK, FAILED], results(FAILED, OK), 2),
        ([OK, OK], results(OK), 1),
        ([OK, OK], [], 2),
        ([OK], results(OK, OK), 1),
    ],
)
def test_what_is_not_answered_once_and_as_expected_is_lost(
    expected: list[int], came: list[pb.FrameResult], lost: int
) -> None:
    with Mixture("127.0.0.1:1", prepared()) as mixture:  # nobody is asked anything
        mixture._take(came, expected)
        assert (mixture.count.sent, mixture.count.lost) == (len(expected), lost)


def test_a_server_that_takes_what_it_should_refuse_is_found_out() -> None:
    class Lenient:
        def unary_unary(self, _: str) -> object:
            return lambda message, timeout: b""

    with (
        Mixture("127.0.0.1:1", prepared()) as mixture,
        pytest.raises(RuntimeError, match="should refuse"),
    ):
        mixture._refused(Lenient())  # type: ignore[arg-type]


def test_a_server_that_is_gone_ends_the_round() -> None:
    with started(*framesrv()) as server:
        target = grpc_target(server)
    with Mixture(target, prepared()) as mixture, pytest.raises(grpc.RpcError):
        mixture.round(1)


def test_a_sample_sees_what_a_process_holds() -> None:
    before, faults = sample(os.getpid(), 1.0), minor_faults(os.getpid())
    held = mmap.mmap(-1, PAGES * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for start in range(0, len(held), 4096):
        held[start] = 1
    descriptor = os.dup(0)
    try:
        after = sample(os.getpid(), 2.0)
    finally:
        os.close(descriptor)
        held.close()
    assert after.at_s == 2.0
    assert after.descriptors == before.descriptors + 1
    assert after.threads == before.threads >= 1
    assert after.anonymous_mib - before.anonymous_mib > PAGES * 4096 / 2**20 * 0.9
    assert after.resident_mib - before.resident_mib > PAGES * 4096 / 2**20 * 0.9
    assert peak_mib(os.getpid()) >= after.anonymous_mib
    assert minor_faults(os.getpid()) > faults


def test_an_interrupt_leaves_no_process() -> None:
    """The handler is set by hand: a shell's background jobs are started with SIGINT ignored."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from benchmarks.cli import main; sys.exit(main(['soak', '--quick']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # the machine: it is about to begin
        # Itself, three servers, and a client that is about to die: it is in its first round.
        while len(children := accounts.tree(process.pid)) < 5:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
