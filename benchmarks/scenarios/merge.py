"""Nine cameras merged into one picture, thirty times a second: how much later it comes than the
answer to the last of its frames, and whether a window is lost or comes before another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario, Spread
from benchmarks.serving import load, scene
from benchmarks.serving.cameras import Watched, watched
from benchmarks.serving.processes import framesrv, grpc_target, started

_CAMERAS: Final = 9
_LENGTH_NS: Final = 33_333_333
_LATENESS_NS: Final = 100_000_000


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.small_frames(25))
    rounds, count, warm = bench.pick(5, 1), bench.pick(240, 20), bench.pick(30, 5)
    added_ms: dict[str, list[float]] = {"p50": [], "p99": []}
    found: list[Watched] = []
    with started(*framesrv()) as server:
        before_s = server.cpu_s()
        for number in range(rounds):
            bench.progress.step(number, rounds)
            one = watched(
                grpc_target(server),
                frames,
                _CAMERAS,
                warm + count,
                length_ns=_LENGTH_NS,
                lateness_ns=_LATENESS_NS,
            )
            found.append(one)
            added_s = _added_s(one, warm)
            added_ms["p50"].append(percentile(added_s, 50) * 1e3)
            added_ms["p99"].append(percentile(added_s, 99) * 1e3)
        windows = rounds * (warm + count)
        cpu_ms = (server.cpu_s() - before_s) / windows * 1e3
    what = f"{_CAMERAS} streams at 30 FPS into a mosaic: time after the last frame's answer, "
    figures = []
    for key, values in added_ms.items():
        spread = Spread.of(values)
        low, high = spread.low, spread.high
        figures.append(Figure(f"merge.{key}", what + key, spread.median, "ms", low, high))
    figures.append(Figure("merge.cpu", "CPU of the server, a window", cpu_ms, "ms"))
    return Outcome([*figures, *_counts(found)], notes=(_NOTE,))


def _added_s(found: Watched, warm: int) -> list[float]:
    numbers = sorted(found.answered)[warm:]
    both = (number for number in numbers if number in found.came)
    return sorted(found.came[number] - found.answered[number] for number in both)


def _counts(found: Sequence[Watched]) -> list[Figure]:
    came = sum(len(one.order) for one in found)
    lost = sum(len(one.answered.keys() - one.came.keys()) for one in found)
    partial = came - sum(len(one.whole) for one in found)
    disorder = sum(later <= sooner for one in found for sooner, later in pairwise(one.order))
    what = {
        "lost": ("windows that did not come", lost),
        "partial": ("windows that came without a frame of each stream, or its picture", partial),
        "disorder": ("windows that came after a later one, or twice", disorder),
    }
    here = f"of {came:,}"
    return [
        Figure(f"merge.{key}", text, count, "", here=here) for key, (text, count) in what.items()
    ]


_NOTE: Final = (
    "Frames of 320x320, taken at the same moments; windows of 33,333,333 ns that wait 100 ms. "
    "The picture is 1280x720. Time counts from the client's last answer to a window's frames; the "
    "median round's is shown."
)
SCENARIO = Scenario("merge", "Nine streams merged into a mosaic", run)
