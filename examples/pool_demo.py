"""The pools at work: a few seconds of synthetic video, and what a mistake looks like.

    python examples/pool_demo.py --frames 2000 --workers 4

Each worker takes a frame, borrows all the buffers it needs in one step, scales the frame to
640x360 and 320x320, adds an alpha channel and writes the pixels into a BytesIO. Nothing is
allocated per frame that a pool could lend; the last table shows it.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np

from framesrv.errors import BadConfig
from framesrv.pool import (
    ArrayPool,
    DebugLevel,
    Janitor,
    PoolManager,
    PoolSettings,
    PoolStats,
    WriteAfterRelease,
)

JOB: dict[str, str | tuple[int, ...]] = {
    "source": (720, 1280, 3),  # no pool has this shape: it comes from the size ladder
    "half": "resize_640x360",
    "small": "bgr_320",
    "rgba": "rgba_320",
    "coded": "jpeg",
}
BAR_WIDTH = 24


class Camera:
    """Hands out frame numbers, each once, and counts what was processed."""

    def __init__(self, frames: int) -> None:
        self._numbers: Iterator[int] = iter(range(frames))
        self.frames = frames
        self.done = 0
        self._lock = threading.Lock()
        self.stopped = threading.Event()

    def next_number(self) -> int | None:
        with self._lock:
            return None if self.stopped.is_set() else next(self._numbers, None)

    def finished(self) -> None:
        with self._lock:
            self.done += 1


def process(manager: PoolManager, number: int) -> None:
    with manager.acquire_all(JOB, timeout_s=10.0) as leases:
        draw(leases["source"].array, number)
        np.copyto(leases["half"].array, leases["source"].array[::2, ::2])
        np.copyto(leases["small"].array, leases["half"].array[20:340, 160:480])
        leases["rgba"].array[:, :, :3] = leases["small"].array[:, :, ::-1]
        leases["rgba"].array[:, :, 3] = 255
        leases["coded"].buffer.write(leases["rgba"].array)


def draw(picture: np.ndarray, number: int) -> None:
    """A bright bar that wanders over a grey ground."""
    picture.fill(40)
    left = number * 8 % 1200
    picture[:, left : left + 80] = (60, 200, 255)


def work(manager: PoolManager, camera: Camera) -> None:
    while (number := camera.next_number()) is not None:
        process(manager, number)
        camera.finished()


def bar(stats: PoolStats) -> str:
    """Idle, leased and quarantined buffers of what a pool may hold, as one sees them."""
    most = max(stats.existing, 1) if stats.capacity > 100 else stats.capacity
    leased = round(stats.leased / most * BAR_WIDTH)
    idle = round(stats.idle / most * BAR_WIDTH)
    return ("#" * leased + "." * idle)[:BAR_WIDTH].ljust(BAR_WIDTH)


def table(manager: PoolManager) -> str:
    lines = [row("pool", "# leased . idle", "gets", "misses", "hit rate", "memory")]
    for name, stats in manager.stats().items():
        if stats.gets:
            memory = f"{stats.bytes_total / 2**20:.1f} MiB"
            numbers = (f"{stats.gets:,}", f"{stats.misses:,}", f"{stats.hit_rate:.2%}", memory)
            lines.append(row(name, bar(stats), *numbers))
    return "\n".join(lines)


def row(name: str, picture: str, *numbers: str) -> str:
    return f"{name:<16}{picture:<{BAR_WIDTH}}" + "".join(f"{number:>11}" for number in numbers)


def watch(manager: PoolManager, camera: Camera, workers: list[threading.Thread]) -> None:
    """Redraw the table ten times a second where somebody looks; else only once, at the end."""
    started = time.monotonic()
    live = sys.stdout.isatty()
    back = ""
    while any(worker.is_alive() for worker in workers):
        workers[-1].join(timeout=0.1)
        if live:
            picture = table(manager)
            fps = camera.done / (time.monotonic() - started)
            progress = f"{camera.done:,} of {camera.frames:,} frames, {fps:,.0f} FPS"
            print(f"{back}{picture}\n{progress}\x1b[K")
            back = f"\x1b[{picture.count(chr(10)) + 2}A"  # up again, to draw over it
    seconds = time.monotonic() - started
    print(back + table(manager))
    erase = "\x1b[K" if live else ""
    print(f"{camera.done:,} frames in {seconds:.1f} s, {camera.done / seconds:,.0f} FPS{erase}")


def run(frames: int, workers: int) -> int:
    manager = PoolSettings.from_env().build()
    print("The most memory the pools can take:\n" + manager.worst_case() + "\n")
    camera = Camera(frames)
    threads = [threading.Thread(target=work, args=(manager, camera)) for _ in range(workers)]
    with Janitor(manager):
        for thread in threads:
            thread.start()
        try:
            watch(manager, camera, threads)
        except KeyboardInterrupt:
            camera.stopped.set()
            print("\nstopping after the frames at hand")
        for thread in threads:
            thread.join()
    leaked = manager.shutdown()
    print(f"leases still out at the end: {len(leaked)}")
    return 130 if camera.stopped.is_set() else 0


def show_a_mistake() -> None:
    """What a borrower hears who writes into a buffer after giving it back."""
    pool = ArrayPool("rgba_320", shape=(320, 320, 4), capacity=1, debug=DebugLevel.POISON)
    lease = pool.acquire()
    pointer = lease.array.ctypes.data
    lease.release()
    ctypes.memset(pointer + (7 * 320 + 5) * 4 + 2, 0, 1)  # row 7, column 5, channel 2
    try:
        pool.acquire()
    except WriteAfterRelease as error:
        print("\nA mistake, made on purpose, with FRAMESRV_POOL_DEBUG=poison:\n", error, sep="")


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {number}")
    return number


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=positive, default=2000, help="how many (%(default)s)")
    parser.add_argument("--workers", type=positive, default=4, help="threads (%(default)s)")
    arguments = parser.parse_args()
    try:
        code = run(arguments.frames, arguments.workers)
    except BadConfig as error:
        parser.exit(2, f"{error}\n")
    if code == 0:
        show_a_mistake()
    return code


if __name__ == "__main__":
    sys.exit(main())
