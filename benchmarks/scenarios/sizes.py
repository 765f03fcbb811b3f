"""How finely the size ladder should be cut: memory wasted against the number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmarks.harness import Bench
from benchmarks.model import Figure, Outcome, Scenario, Table
from framesrv.pool import SizeClasses
from framesrv.pool.sizes import LARGEST_BYTES, SMALLEST_BYTES

_FRAMES: Final = {
    "QQVGA": (160, 120),
    "QVGA": (320, 240),
    "nHD": (640, 360),
    "VGA": (640, 480),
    "qHD": (960, 540),
    "SVGA": (800, 600),
    "XGA": (1024, 768),
    "HD 720": (1280, 720),
    "SXGA": (1280, 1024),
    "HD+": (1600, 900),
    "UXGA": (1600, 1200),
    "Full HD": (1920, 1080),
    "QHD": (2560, 1440),
    "5 Mpx": (2592, 1944),
    "8 Mpx": (3264, 2448),
    "4K UHD": (3840, 2160),
    "4K DCI": (4096, 2160),
    "12 Mpx": (4000, 3000),
    "5K": (5120, 2880),
    "8K UHD": (7680, 4320),
}
_MODEL_INPUTS: Final = (224, 256, 300, 320, 416, 512, 640, 1024)


def images() -> dict[str, int]:
    """Every image by its name, and the bytes it takes."""
    sides = {f"{name} {w}x{h}": w * h for name, (w, h) in _FRAMES.items()}
    sides |= {f"model {side}x{side}": side * side for side in _MODEL_INPUTS}
    return {f"{name}x{c}": pixels * c for name, pixels in sides.items() for c in (3, 4)}


def powers_of_two() -> tuple[int, ...]:
    first, last = SMALLEST_BYTES.bit_length() - 1, LARGEST_BYTES.bit_length() - 1
    return tuple(1 << power for power in range(first, last + 1))


def ladders() -> dict[str, tuple[str, Sequence[int], float]]:
    """By key: what it is called, its classes, and the worst that it can waste."""
    made: dict[str, tuple[str, Sequence[int], float]] = {
        "powers": ("powers of two", powers_of_two(), 1.0)
    }
    for per_doubling in (1, 2, 4, 8):
        sizes = SizeClasses(per_doubling=per_doubling).sizes
        worst = 2 ** (1 / per_doubling) - 1
        made[f"per_doubling_{per_doubling}"] = (f"{per_doubling} a doubling", sizes, worst)
    return made


def run(bench: Bench) -> Outcome:
    held = {name: nbytes for name, nbytes in images().items() if nbytes <= LARGEST_BYTES}
    figures: list[Figure] = []
    rows: list[tuple[str, ...]] = []
    for key, (label, sizes, possible) in ladders().items():
        served = {name: min(s for s in sizes if s >= nbytes) for name, nbytes in held.items()}
        wastes = {name: served[name] / held[name] - 1 for name in held}
        worst = max(wastes, key=wastes.__getitem__)
        mean = sum(wastes.values()) / len(wastes)
        total = sum(served.values()) / sum(held.values()) - 1
        used = len(set(served.values()))
        figures += [
            Figure(f"sizes.{key}_mean", f"{label}: mean waste", mean, "part"),
            Figure(f"sizes.{key}_worst", f"{label}: worst waste", wastes[worst], "part"),
            Figure(f"sizes.{key}_classes", f"{label}: classes", len(sizes), ""),
            Figure(f"sizes.{key}_used", f"{label}: classes in use", used, ""),
        ]
        percents = [f"{part:.1%}" for part in (mean, total, wastes[worst], possible)]
        rows.append((label, str(len(sizes)), str(used), *percents, worst))
    columns = (
        "ladder",
        "classes",
        "in use",
        "mean waste",
        "of all bytes",
        "worst",
        "worst possible",
    )
    past = ", ".join(name for name in images() if name not in held)
    return Outcome(
        figures,
        notes=(
            (
                f"{len(held)} sizes of images from QQVGA up to 64 MiB, in 3 and 4 channels, and "
                f"model inputs; past the ladder's end: {past}. One class a doubling is the same "
                "as powers of two."
            ),
            (
                "Waste: bytes of the class over bytes of the image, less 1. In use: how many "
                "classes these images fall into; a buffer serves its own class only, so more "
                "classes in use mean less sharing and more idle buffers."
            ),
        ),
        tables=(Table("The size ladder", (*columns, "of"), rows),),
    )


SCENARIO = Scenario("sizes", "The size ladder: waste against the number of classes", run)
