"""Where 32 random bytes for an id come from soonest: a pooled buffer, or the standard library."""

from __future__ import annotations

import os
import secrets
from io import FileIO
from itertools import repeat
from pathlib import Path

from benchmarks.harness import Bench, timed
from benchmarks.loops import Loop
from benchmarks.model import Figure, Outcome, Scenario
from framesrv.pool import ByteArrayPool, DebugLevel


def from_secrets(cycles: int) -> None:
    for _ in repeat(None, cycles):
        secrets.token_bytes(32)


def from_urandom(cycles: int) -> None:
    for _ in repeat(None, cycles):
        os.urandom(32)


def into_pooled(pool: ByteArrayPool, device: FileIO) -> Loop:
    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            lease = pool.acquire()
            device.readinto(lease.buffer)
            lease.release()

    return loop


def into_one(device: FileIO) -> Loop:
    """The least that filling in place can cost: no pool, one buffer."""
    buffer = bytearray(32)

    def loop(cycles: int) -> None:
        for _ in repeat(None, cycles):
            device.readinto(buffer)

    return loop


def run(bench: Bench) -> Outcome:
    pool = ByteArrayPool("token", initial_bytes=32, capacity=8, debug=DebugLevel.SAMPLE)
    with Path("/dev/urandom").open("rb", buffering=0) as device:
        measured = bench.compare(
            {
                "secrets": timed(from_secrets),
                "urandom": timed(from_urandom),
                "pooled": timed(into_pooled(pool, device)),
                "in_place": timed(into_one(device)),
            },
            baseline="secrets",
        )
    labels = {
        "secrets": "secrets.token_bytes(32)",
        "urandom": "os.urandom(32)",
        "pooled": "pooled bytearray, readinto from /dev/urandom",
        "in_place": "the readinto alone, into one bytearray",
    }
    return Outcome(
        [
            Figure.ratio(f"token.{key}", label, measured[key].ratio, measured[key].here)
            for key, label in labels.items()
        ],
        notes=("Time for 32 random bytes, in times of secrets.token_bytes.",),
    )


SCENARIO = Scenario("token", "32 random bytes", run)
