"""A moving test picture: nice to look at, cheap to draw, and it shows when frames are missing.

Everything on it moves with the frame's number, so that the same frame is always the same picture,
but for the clock: planets on their orbits, a light that runs once a second along the edge below,
the frame's number, and the time at which it was drawn.
"""

from __future__ import annotations

import math
from datetime import datetime

import cv2
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

# Blue, green, red. From the night over the sea to the first light.
_SKY = ((38, 16, 10), (74, 30, 22), (104, 62, 28), (110, 100, 40), (96, 60, 92), (60, 28, 58))
_PLANETS = (
    (120, 220, 255),
    (250, 200, 110),
    (130, 130, 255),
    (180, 240, 150),
    (240, 150, 220),
)
_BARS = (
    (235, 235, 235),
    (40, 220, 235),
    (220, 210, 40),
    (60, 200, 70),
    (200, 70, 200),
    (50, 50, 220),
    (220, 90, 50),
)
_WHITE = (245, 245, 245)
_DIM = (170, 160, 150)
_COARSE = 8  # the sky is drawn at this fraction and scaled up: it is smooth


class TestCard:
    __test__ = False  # pytest: no test

    def __init__(self, width: int, height: int, fps: float = 30.0) -> None:
        self._size = (width, height)
        self._fps = fps
        self._unit = min(width, height) / 720  # all lengths are meant for 720 rows
        self._palette = _palette()
        rows, columns = max(2, height // _COARSE), max(2, width // _COARSE)
        aspect = width / height
        x = np.linspace(-aspect, aspect, columns, dtype=np.float32)[None, :]
        y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
        self._slope = x * 1.3 + y * 2.1
        self._waves = y * 2.4 - x * 0.6
        self._rings = np.sqrt(x * x + y * y) * 3.2

    def draw(self, number: int, now: datetime | None = None) -> Pixels:
        """A picture of its own, which the caller may keep."""
        picture = self._sky(number / self._fps)
        self._orbits(picture, number / self._fps)
        if min(self._size) >= 64:
            self._runner(picture, number)
            self._bars(picture)
            self._texts(picture, number, now or datetime.now().astimezone())
        return picture

    def _px(self, length: float) -> int:
        return max(1, round(length * self._unit))

    def _sky(self, t: float) -> Pixels:
        height = np.sin(self._slope + 0.35 * t) + np.sin(self._waves - 0.22 * t)
        height += np.sin(self._rings - 0.5 * t)
        index = ((height + 3.0) * (255 / 6.0)).astype(np.uint8)
        coarse = np.ascontiguousarray(self._palette[index])
        return np.asarray(cv2.resize(coarse, self._size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def _orbits(self, picture: Pixels, t: float) -> None:
        width, height = self._size
        centre = (width // 2, round(height * 0.46))
        cv2.circle(picture, centre, self._px(46), (90, 190, 255), -1, cv2.LINE_AA)
        cv2.circle(picture, centre, self._px(58), (70, 140, 220), self._px(2), cv2.LINE_AA)
        for place, colour in enumerate(_PLANETS):
            wide, high = self._px(110 + 62 * place), self._px(58 + 40 * place)
            cv2.ellipse(picture, centre, (wide, high), 0, 0, 360, (120, 104, 96), 1, cv2.LINE_AA)
            angle = t * (1.7 / (1 + 0.55 * place)) + place * 2.1
            for echo in range(6, -1, -1):  # the tail first, the planet on top
                a = angle - 0.07 * echo
                at = (
                    round(centre[0] + wide * math.cos(a)),
                    round(centre[1] + high * math.sin(a)),
                )
                light = 1.0 if not echo else 0.55 - 0.06 * echo
                shade = tuple(part * light for part in colour)
                radius = self._px((22 - 2 * place) * (1 - 0.11 * echo))
                cv2.circle(picture, at, radius, shade, -1, cv2.LINE_AA)

    def _runner(self, picture: Pixels, number: int) -> None:
        """A tick for each frame of a second, the present one lit: a frame that is missing shows."""
        width, height = self._size
        ticks = max(1, min(120, round(self._fps)))
        left, right, y = self._px(40), width - self._px(40), height - self._px(34)
        for tick in range(ticks):
            lit = tick == number % ticks
            x = left + (right - left) * tick // max(1, ticks - 1)
            cv2.circle(picture, (x, y), self._px(9 if lit else 4), _WHITE if lit else _DIM, -1,
                       cv2.LINE_AA)  # fmt: skip

    def _bars(self, picture: Pixels) -> None:
        side, top = self._px(30), self._size[1] - self._px(98)
        for place, colour in enumerate(_BARS):
            x = self._px(36) + place * side
            picture[top : top + side, x : x + side] = colour

    def _texts(self, picture: Pixels, number: int, now: datetime) -> None:
        width, height = self._size
        self._text(picture, f"{number:06d}", (self._px(36), self._px(76)), 2.1, 4)
        self._text(picture, "frame", (self._px(40), self._px(112)), 0.8, 2, _DIM)
        clock = f"{now:%H:%M:%S}.{now.microsecond // 1000:03d}"
        for text, y, scale, weight in ((clock, 76, 1.6, 3), (f"{now:%Y-%m-%d}", 112, 0.8, 2)):
            (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale * self._unit,
                                           self._px(weight))  # fmt: skip
            at = (width - wide - self._px(40), self._px(y))
            self._text(picture, text, at, scale, weight, _WHITE if y == 76 else _DIM)
        size = f"framesrv   {width} x {height} at {self._fps:g} fps"
        self._text(picture, size, (self._px(270), height - self._px(76)), 0.8, 2, _DIM)

    def _text(  # noqa: PLR0917 - as cv2.putText has them
        self,
        picture: Pixels,
        text: str,
        at: tuple[int, int],
        scale: float,
        weight: int,
        colour: tuple[int, int, int] = _WHITE,
    ) -> None:
        cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale * self._unit, colour,
                    self._px(weight), cv2.LINE_AA)  # fmt: skip


def _palette() -> Pixels:
    """256 colours that go smoothly round through the sky's, so that no edge shows."""
    stops = np.array([*_SKY, _SKY[0]], np.float64)
    at = np.linspace(0, len(_SKY), 256)
    channels = [np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=1).astype(np.uint8)
