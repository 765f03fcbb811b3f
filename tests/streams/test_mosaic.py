"""A mosaic's pixels: each frame is shrunk so that all of it counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from framesrv import codecs
from framesrv.engine.chore import Chore
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import Encoding, OutputImage
from framesrv.pipeline.limits import PipelineLimits
from framesrv.streams.mosaic import Mosaic, MosaicPainter
from framesrv.streams.news import Clone
from framesrv.streams.windows import Window

WIDTH, HEIGHT = 80, 40


class Easel:
    """Draws at once what it is given to draw."""

    def __init__(self) -> None:
        self.pictures: list[OutputImage | None] = []

    def submit(self, chore: Chore) -> bool:
        wanted: Any = chore.wants()
        lent = {place: np.full(shape, 99, np.uint8) for place, shape in wanted.items()}
        chore.work(lent)
        chore.done()
        return True

    def draw(self, picture: OutputImage) -> Any:
        painter = MosaicPainter(
            mosaic=Mosaic(width=WIDTH, height=HEIGHT, encoding=Encoding.RAW),
            stream_ids=("a",),
            picture_of=lambda _: picture,
            submit=self.submit,
            later=lambda call: call(),
            images=codecs.Limits(),
            pipeline=PipelineLimits(),
        )
        painter.draw(Window(0, 1, 1, {"a": Clone("a", b"")}), self.pictures.append)
        drawn = self.pictures.pop()
        assert drawn is not None
        return np.frombuffer(drawn.data, np.uint8).reshape(HEIGHT, WIDTH, 3)


def lines(every: int, shrunk: int) -> OutputImage:
    """A white column in so many, of a picture that is so many times as large as its cell."""
    pixels = np.zeros((HEIGHT * shrunk, WIDTH * shrunk, 3), np.uint8)
    pixels[:, ::every] = 255
    layout = ImageLayout(WIDTH * shrunk, HEIGHT * shrunk, PixelFormat.BGR24, 0)
    return OutputImage("main", Encoding.RAW, layout, memoryview(pixels.tobytes()))


@pytest.mark.parametrize("shrunk", [2, 3, 8])
def test_no_column_falls_between_two_pixels(shrunk: int) -> None:
    drawn = Easel().draw(lines(shrunk, shrunk)).astype(int)
    assert abs(drawn - 255 / shrunk).max() <= 1


def test_what_has_its_size_stays_as_it_is() -> None:
    drawn = Easel().draw(lines(5, 1))
    assert (drawn[:, ::5] == 255).all()
    assert drawn.sum() == 255 * 3 * HEIGHT * WIDTH // 5
