"""The process in which a loop without a server runs: ``python -m benchmarks.serving.inprocess``.

It takes the name of a loop, then reads counts from its input, does so many frames, and prints
the microseconds of CPU a frame. With a second word, OpenCV keeps its own threads.
"""

from __future__ import annotations

import sys
from time import process_time

import cv2

from benchmarks.serving import loops, scene


def main() -> None:
    if len(sys.argv) < 3:
        cv2.setNumThreads(1)
    name = sys.argv[1]
    one = getattr(loops, name)()
    frames = scene.raw_frames(25) if name.startswith("raw") else scene.frames(25)
    print("ready", flush=True)
    for line in sys.stdin:
        count = int(line)
        started = process_time()
        for number in range(count):
            one(frames[number % len(frames)])
        print((process_time() - started) / count * 1e6, flush=True)


if __name__ == "__main__":
    main()
