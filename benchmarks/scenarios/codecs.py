"""Which library should decode and encode what: its CPU time, what it allocates, and whether
other threads can run meanwhile.
"""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np

from benchmarks.codecs.calls import left_to_others, on_cpu, traced_bytes
from benchmarks.codecs.rivals import HEIGHT, OURS, QUALITY, WIDTH, decoding, drawn, encoding
from benchmarks.harness import Bench, Contestant
from benchmarks.model import Figure, Outcome, Scenario, Table
from framesrv.codecs import Header, crc32c, decode
from framesrv.frames import Codec

_SLICE_S: Final = 0.02
_ROUNDS: Final = 31


def fractions(bench: Bench, frame: Any) -> Table:
    """A fraction saves pixels in what follows, so it is judged with the resize behind it."""
    jpeg = bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])

    def both(eighths: int, target: tuple[int, int]) -> Contestant:
        out = np.empty((HEIGHT * eighths // 8, WIDTH * eighths // 8, 3), np.uint8)
        small = np.empty((target[1], target[0], 3), np.uint8)
        header = Header(Codec.JPEG, WIDTH, HEIGHT)
        payload = memoryview(jpeg)

        def call() -> None:
            decode(header, payload, out)
            cv2.resize(out, target, dst=small, interpolation=cv2.INTER_AREA)

        return on_cpu(lambda: call)

    rows = []
    for eighths in range(7, 0, -1):
        # Half-way to the next smaller fraction: what this one is used for.
        target = (WIDTH * (2 * eighths - 1) // 16, HEIGHT * (2 * eighths - 1) // 16)
        measured = bench.compare(
            {"full": both(8, target), "fraction": both(eighths, target)},
            baseline="full",
            rounds=_ROUNDS,
            slice_s=_SLICE_S,
        )
        fraction = measured["fraction"]
        rows.append(
            (
                f"{eighths}/8",
                f"{target[0]}x{target[1]}",
                measured["full"].here,
                fraction.here,
                f"{fraction.ratio.median:.2f} x",
            )
        )
    return Table(
        "Decoding at a fraction, and resizing",
        ("fraction", "to", "full size", "at the fraction", "ratio"),
        rows,
    )


def checksum_gb_s(frame: Any) -> float:
    payload = memoryview(frame.tobytes())
    best = min(on_cpu(lambda: lambda: crc32c(payload))(20) / 20 for _ in range(5))
    return float(payload.nbytes / max(best, 1e-9) / 1e9)


def run(bench: Bench) -> Outcome:
    cv2.setNumThreads(1)
    frame = drawn(WIDTH, HEIGHT)
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = []
    for task in [*decoding(frame), *encoding(frame)]:
        measured = bench.compare(
            {name: on_cpu(make) for name, make in task.candidates.items()},
            baseline=OURS,
            rounds=_ROUNDS,
            slice_s=_SLICE_S,
        )
        for name, make in task.candidates.items():
            figures.append(
                Figure.ratio(
                    f"codecs.{task.key}_{name}",
                    f"{task.what}: {name}",
                    measured[name].ratio,
                    measured[name].here,
                )
            )
            rows.append(
                (
                    task.what,
                    name,
                    measured[name].here,
                    f"{measured[name].ratio.median:.2f} x",
                    f"{traced_bytes(make) / 1024:,.1f} KiB",
                    f"{left_to_others(bench, make):.0%}",
                )
            )
    figures.append(Figure("codecs.crc", "CRC-32C of a frame", checksum_gb_s(frame), "GB/s"))
    return Outcome(
        figures,
        notes=(
            (
                f"{OURS}: with the checks of the headers. CPU: time of the processor for one call; "
                "traced: the most that a call holds on Python's heap, its result included; "
                "others: what another thread does meanwhile, of what it does when nobody holds the "
                "interpreter's lock."
            ),
            f"CRC-32C: {figures[-1].value:.1f} GB/s.",
        ),
        tables=(
            Table(
                "Candidates",
                ("task", "library", "CPU", "in times of ours", "traced", "others"),
                rows,
            ),
            fractions(bench, frame),
        ),
    )


SCENARIO = Scenario("codecs", "Decoding and encoding, by library", run)
