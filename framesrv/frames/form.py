"""What pixels are, wherever they lie: their size and their format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from framesrv.frames.layout import ImageLayout, PixelFormat

_CHANNELS: Final = {
    PixelFormat.BGR24: 3,
    PixelFormat.RGB24: 3,
    PixelFormat.RGBA32: 4,
    PixelFormat.BGRA32: 4,
}


@dataclass(frozen=True, slots=True)
class Form:
    """The size and the pixel format of a frame between two steps. Its rows are packed."""

    width: int
    height: int
    format: PixelFormat

    @property
    def layout(self) -> ImageLayout:
        return ImageLayout(self.width, self.height, self.format)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array. A planar format is one array of all its rows, luma first.

        >>> Form(4, 2, PixelFormat.RGBA32).shape, Form(4, 2, PixelFormat.NV12).shape
        ((2, 4, 4), (3, 4))
        """
        channels = _CHANNELS.get(self.format)
        if channels:  # not through the layout, which checks itself: this is asked of every frame
            return (self.height, self.width, channels)
        layout = self.layout
        return (layout.rows, self.width) if layout.is_planar else layout.array_shape
