"""Nine cameras merged into one picture, thirty times a second: how much later it comes than the
answer to the last of its frames, and whether a window is lost or comes before another."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from benchmarks.harness import Bench, percentile
from benchmarks.model import Figure, Outcome, Scenario
from benchmarks.serving import load, scene
from benchmarks.serving.cameras import Watched, watched
from benchmarks.serving.processes import framesrv, grpc_target, started

_CAMERAS: Final = 9
_LENGTH_NS: Final = 33_333_333
_LATENESS_NS: Final = 100_000_000


def run(bench: Bench) -> Outcome:
    frames = load.encoded(scene.small_frames(25))
    count, warm = bench.pick(900, 20), bench.pick(60, 5)
    with started(*framesrv()) as server:
        before_s = server.cpu_s()
        found = watched(
            grpc_target(server),
            frames,
            _CAMERAS,
            warm + count,
            length_ns=_LENGTH_NS,
            lateness_ns=_LATENESS_NS,
            step=lambda turn: bench.progress.step(turn, warm + count),
        )
        cpu_s = server.cpu_s() - before_s
    added_s = sorted(
        found.came[number] - found.answered[number]
        for number in sorted(found.answered)[warm:]
        if number in found.came
    )
    return _outcome(found, added_s, cpu_s / (warm + count))


def _outcome(found: Watched, added_s: list[float], cpu_s: float) -> Outcome:
    missing = found.answered.keys() - found.came.keys()
    figures = [
        Figure(
            f"merge.{key}",
            f"{_CAMERAS} streams at 30 FPS into a mosaic: time added to the last frame's, {key}",
            percentile(added_s, percent) * 1e3,
            "ms",
        )
        for key, percent in (("p50", 50), ("p99", 99))
    ]
    figures += [
        Figure("merge.lost", "windows that did not come", len(missing), ""),
        Figure(
            "merge.partial",
            "windows that came without a frame of each stream, or without the picture",
            len(found.order) - len(found.whole),
            "",
            here=f"of {len(found.order):,}",
        ),
        Figure(
            "merge.disorder",
            "windows that came after a later one, or twice",
            sum(later <= earlier for earlier, later in pairwise(found.order)),
            "",
        ),
        Figure("merge.cpu", "CPU of the server, a window", cpu_s * 1e3, "ms"),
    ]
    note = (
        "Frames of 320x320, taken at the same moments; windows of 33,333,333 ns that wait 100 ms. "
        "The picture is 1280x720. Time counts from the client's last answer to a window's frames."
    )
    return Outcome(figures, notes=(note,))


SCENARIO = Scenario("merge", "Nine streams merged into a mosaic", run)
