"""WebP pixels, by imagecodecs: libwebp, into an array that exists already.

Only the bitstream of the picture is handed over. So an animation is a still to libwebp, and
alpha, which has a chunk of its own or is skipped, is not even decoded.
"""

from __future__ import annotations

import imagecodecs
import numpy as np
import numpy.typing as npt

from framesrv.codecs.header import Header
from framesrv.codecs.refusal import decoded_by
from framesrv.codecs.stripes import swap_red_and_blue
from framesrv.codecs.webp_header import picture
from framesrv.frames import copies

Pixels = npt.NDArray[np.uint8]


def scratch(header: Header, width: int, height: int) -> None:
    """None: an animation whose first frame is smaller than its canvas takes the frame from the
    heap, which only the payload's own headers know."""
    del header, width, height


def decode(header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None) -> None:
    del header, scratch
    shown = picture(payload)
    data = payload[shown.start : shown.end]
    if (shown.height, shown.width) == out.shape[:2]:
        decoded_by(imagecodecs.webp_decode, data, hasalpha=False, out=out)
    else:
        frame = np.empty((shown.height, shown.width, 3), np.uint8)
        decoded_by(imagecodecs.webp_decode, data, hasalpha=False, out=frame)
        out.fill(0)  # what the first frame does not cover is transparent black
        out[shown.y : shown.y + shown.height, shown.x : shown.x + shown.width] = frame
        copies.CODEC.add()
    swap_red_and_blue(out)
