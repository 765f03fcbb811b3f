"""A rendered scene that moves: frames of the size that a real video has, and as hard to code."""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np

WIDTH: Final = 1280
HEIGHT: Final = 720
_QUALITY: Final = 85
_DISCS: Final = 60


@cache
def frames(count: int) -> tuple[bytes, ...]:
    """1280x720 JPEGs at quality 85, about 150 KB each, no two alike."""
    return tuple(_jpeg(pixels) for pixels in _render(count))


@cache
def raw_frames(count: int) -> tuple[bytes, ...]:
    """The same scene as 640x360 BGR pixels."""
    return tuple(
        cv2.resize(pixels, (640, 360), interpolation=cv2.INTER_AREA).tobytes()
        for pixels in _render(count)
    )


@cache
def small_frames(count: int) -> tuple[bytes, ...]:
    """The same scene as 320x320 JPEGs, some 20 KB each: what streams publish, as a rule."""
    return tuple(
        _jpeg(cv2.resize(pixels, (320, 320), interpolation=cv2.INTER_AREA))
        for pixels in _render(count)
    )


def _jpeg(pixels: np.ndarray) -> bytes:
    ok, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not ok:
        raise RuntimeError("OpenCV cannot encode a JPEG here")
    return bytes(coded.tobytes())


def _render(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH]
    places = random.integers((0, 0, 5), (WIDTH, HEIGHT, 60), (_DISCS, 3))
    speeds = random.integers(-9, 10, (_DISCS, 2))
    colours = random.integers(0, 255, (_DISCS, 3))
    pictures = []
    for number in range(count):
        ground = np.stack(
            [
                (np.sin((xs + 3 * number) / 37) + np.cos(ys / 23)) * 60 + 120,
                np.sin((xs + ys - 5 * number) / 51) * 80 + 120,
                np.cos(xs * (ys + number) / 90_000) * 90 + 120,
            ],
            axis=-1,
        )
        picture = np.clip(ground + random.normal(0, 6, ground.shape), 0, 255).astype(np.uint8)
        for (x, y, radius), (dx, dy), colour in zip(places, speeds, colours, strict=True):
            centre = (int(x + dx * number) % WIDTH, int(y + dy * number) % HEIGHT)
            cv2.circle(picture, centre, int(radius), tuple(map(int, colour)), -1)
        pictures.append(picture)
    return pictures
