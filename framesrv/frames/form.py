"""What pixels are, wherever they lie: their size and their format."""

from __future__ import annotations

from dataclasses import dataclass

from framesrv.frames.layout import ImageLayout, PixelFormat


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
        """Of the array. A planar format is one array of all its rows, luma first."""
        layout = self.layout
        return (layout.rows, self.width) if layout.is_planar else layout.array_shape
