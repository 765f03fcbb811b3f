"""What is allocated for a frame, event by event, beside the same server without pools.

memray counts in the servers themselves, C libraries included; see ``serving.proof``. The path is
framesrv's own, from the message to the answer; what gRPC and the event loop allocate to bring the
one and take the other is counted apart, and so is the work memory of libjpeg and OpenCV.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.harness import Bench
from benchmarks.keeping import whole
from benchmarks.model import Chart, Figure, Outcome, Scenario, Table
from benchmarks.serving.allocated import BUCKETS, JOINED, LARGE_BYTES, WHO, Allocated
from benchmarks.serving.proof import FRAMES, Alive, watched

_WAYS: Final = {"pooled": (), "unpooled": ("all",)}
_PLACES: Final = 12
_LABELS: Final = {
    "path": "framesrv",
    "libraries": "libjpeg, OpenCV",
    "outside": "gRPC, event loop",
}


def run(bench: Bench) -> Outcome:
    batches = bench.pick(100, 3)
    found: dict[str, Allocated] = {}
    graphs: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for turn, (way, unpooled) in enumerate(_WAYS.items()):
            bench.progress.step(2 * turn, 2 * len(_WAYS))
            with watched(*unpooled) as server:
                before = server.misses()
                if way == "pooled":
                    alive = server.traced(batches)
                found[way] = server.tracked(batches, folder / f"{way}.bin")
                if way == "pooled":
                    misses = sum(server.misses().values()) - sum(before.values())
                if bench.quick and graphs:
                    continue
                bench.progress.step(2 * turn + 1, 2 * len(_WAYS))
                stacks = folder / f"{way}-stacks.bin"
                server.tracked(bench.pick(20, 1), stacks, native=True)
                graphs.append(_flame_graph(stacks, bench.folder or folder, way))
    frames = batches * FRAMES
    return Outcome(
        _figures(found, alive, misses, frames),
        notes=(_NOTE, f"Flame graphs of the peak: {', '.join(graphs)} in the folder of results."),
        details=(_sizes(found, frames), _places(found, frames)),
        charts=(_chart(found, frames),),
    )


def _flame_graph(stacks: Path, folder: Path, way: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"allocations-{way}.html"

    def write(part: Path) -> None:
        command = [sys.executable, "-m", "memray", "flamegraph", "--no-web", "--force"]
        subprocess.run(
            [*command, "--output", str(part), str(stacks)], check=True, capture_output=True
        )

    whole(file, write)
    return file.name


def _figures(
    found: dict[str, Allocated], alive: Alive, misses: int, frames: int
) -> Sequence[Figure]:
    pooled, twin = (found[way].large.total() for way in ("pooled", "unpooled"))
    lent, made = (found[way].large.total() - found[way].large[JOINED] for way in found)
    by_grpc = sum(
        count
        for (who, _, size), count in found["pooled"].events.items()
        if who == "outside" and size in BUCKETS[2:]  # of 4 KiB and more
    )
    return [
        Figure(
            "allocations.large_per_frame",
            "4 KiB and more on framesrv's path, a frame",
            pooled / frames,
            "",
            here=f"unpooled {twin / frames:.2f}",
        ),
        Figure(
            "allocations.fewer",
            "fewer of them than unpooled",
            1 - pooled / twin,
            "",
            here=f"{1 - pooled / twin:.2%}",
        ),
        Figure(
            "allocations.fewer_lent",
            "the same without the joined answers, which no pool can lend",
            1 - lent / made,
            "",
        ),
        Figure("allocations.misses", "borrows that had to allocate, after warming up", misses, ""),
        Figure(
            "allocations.alive",
            "4 KiB and more alive at a batch's end, gRPC's message included, a frame",
            alive.per_frame,
            "",
        ),
        Figure(
            "allocations.growth",
            f"traced memory after {frames:,} frames beyond that before",
            alive.growth_bytes / 1024,
            "KiB",
        ),
        Figure(
            "allocations.by_grpc",
            "4 KiB and more by gRPC and the event loop, a frame",
            by_grpc / frames,
            "",
        ),
    ]


def _sizes(found: dict[str, Allocated], frames: int) -> Table:
    rows = []
    for who in WHO:
        for python, means in ((True, "Python"), (False, "malloc")):
            for size in BUCKETS:
                key = who, python, size
                numbers = [found[way].events[key] / frames for way in _WAYS]
                kib = [found[way].nbytes[key] / frames / 1024 for way in _WAYS]
                if any(numbers):
                    shown = (*(f"{n:.2f}" for n in numbers), *(f"{k:.1f}" for k in kib))
                    rows.append((_LABELS[who], means, size, *shown))
    columns = ("who", "by", "size", "pooled", "unpooled", "pooled KiB", "unpooled KiB")
    return Table("Allocations a frame, by size", columns, rows)


def _places(found: dict[str, Allocated], frames: int) -> Table:
    counts: dict[str, dict[tuple[str, str], int]] = {}
    for way, allocated in found.items():
        counts[way] = {(place, "framesrv"): n for place, n in allocated.large.items()}
        for (place, python), count in allocated.foreign.items():
            counts[way][place, "Python" if python else "malloc"] = count
    total = Counter(counts["pooled"]) + Counter(counts["unpooled"])
    rows = [
        (place, by, *(f"{counts[way].get((place, by), 0) / frames:.2f}" for way in _WAYS))
        for (place, by), _ in total.most_common(_PLACES)
    ]
    columns = ("where", "by", "pooled", "unpooled")
    return Table(f"Allocations of {LARGE_BYTES:,} bytes and more a frame, by place", columns, rows)


def _chart(found: dict[str, Allocated], frames: int) -> Chart:
    labels = {"pooled": "framesrv", "unpooled": "the same, unpooled"}
    bars = {label: found[way].large.total() / frames for way, label in labels.items()}
    return Chart(
        "allocations",
        "Allocations of 4 KiB and more a frame, on framesrv's path",
        "allocations a frame",
        "",
        bars=bars,
    )


_NOTE: Final = (
    "Large and not framesrv's: gRPC reads a message in slices (malloc) and makes a bytes object "
    "of each (Python), then one of all; libjpeg and OpenCV take work memory of less than 64 KiB "
    "for each picture (codecs/refusal.py:decoded_by, codecs/encoding.py:run, ops/scale.py:work). "
    "Both servers have these alike. framesrv's one is the joined answer of a batch."
)
SCENARIO = Scenario("allocations", "What is allocated for a frame", run)
