"""Ten thousand calls at once: each is answered, or refused with a time to come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario
from benchmarks.serving import calls, load, scene
from benchmarks.serving.driven import all_lost, driven, table
from benchmarks.serving.processes import framesrv, grpc_target, started

_PER_CONNECTION: Final = 200  # calls that a server with its defaults reads at once


def run(bench: Bench) -> Outcome:
    number = bench.pick(10_000, 300)
    messages = load.batches(load.encoded([_small(data) for data in scene.frames(25)]), 1)
    with started(*framesrv(http="127.0.0.1:0")) as server:
        target = grpc_target(server)
        calls.closed_loop(target, messages, 100, 2)  # warm
        connections = -(-number // _PER_CONNECTION)
        account = driven(
            server,
            f"{number:,}",
            lambda: calls.at_once(target, messages, number, connections),
        )
    outcomes = account.outcomes
    told = outcomes.frames + account.refused + account.lost
    lost = {**outcomes.lost, **({"failed": outcomes.failed} if outcomes.failed else {})}
    return Outcome(
        [
            all_lost("crowd", [account]),
            Figure(
                "crowd.unheard_of", "calls that ended in no known way", outcomes.calls - told, ""
            ),
            Figure("crowd.answered", "of the calls, answered with a picture", outcomes.frames, ""),
        ],
        details=(
            table(f"Unary calls at once, over {connections} connections", "calls", [account]),
        ),
        notes=(
            f"320x180 JPEGs, so that {number:,} of them fit in the client; refused: "
            + _counts(outcomes.refused)
            + "; lost: "
            + _counts(lost),
        ),
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{why} {count:,}" for why, count in counts.items()) or "none"


def _small(jpeg: bytes) -> bytes:
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_REDUCED_COLOR_4)
    if pixels is None:
        raise RuntimeError("OpenCV cannot decode its own JPEG")
    return bytes(cv2.imencode(".jpg", pixels)[1].tobytes())


SCENARIO = Scenario("crowd", "10,000 calls at once", run)
