"""Both ways to use a server: a batch, and a stream of synthetic video.

    framesrv serve &
    python examples/client_demo.py 127.0.0.1:50051 --frames 500

Each frame comes back as a JPEG thumbnail and as raw grey pixels.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from framesrv.client import (
    FrameClient,
    FramesrvClientError,
    Output,
    Pipeline,
    convert,
    resize,
)

SHAPES = Pipeline(
    Output("thumb", [resize(320, 320, fit="contain")], encoding="jpeg", quality=85),
    Output("grey", [resize(64, 36), convert("GRAY8")], encoding="raw"),
)


def video(frames: int) -> Iterator[npt.NDArray[np.uint8]]:
    """A bright bar that wanders over a dark ground, always in the same array."""
    picture = np.empty((360, 640, 3), np.uint8)
    for number in range(frames):
        picture.fill(40)
        left = number * 8 % 600
        picture[:, left : left + 40] = (60, 200, 255)
        yield picture


def run(address: str, frames: int) -> None:
    with FrameClient(address) as client:
        info = client.info()
        print(f"framesrv {info.version}: batches of up to {info.max_batch_frames} frames")
        result = client.process_one(next(video(1)), SHAPES)
        print(f"one frame: a thumbnail of {len(result['thumb'].bytes):,} bytes")

        done = 0
        brightest = 0
        started = time.monotonic()
        with client.stream(video(frames), SHAPES, window=32, batch=4) as results:
            for result in results:
                result.raise_for_error()
                brightest = max(brightest, int(result["grey"].array.max()))
                done += 1
        seconds = time.monotonic() - started
    print(f"{done:,} frames in {seconds:.1f} s, {done / seconds:,.0f} FPS, brightest {brightest}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("address", nargs="?", default="127.0.0.1:50051", help="(%(default)s)")
    parser.add_argument("--frames", type=int, default=500, help="how many (%(default)s)")
    arguments = parser.parse_args()
    try:
        run(arguments.address, arguments.frames)
    except FramesrvClientError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
