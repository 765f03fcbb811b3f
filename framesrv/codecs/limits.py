"""What an image may cost. Checked before anything is decoded or borrowed."""

from __future__ import annotations

from dataclasses import dataclass, field

from framesrv.codecs.refusal import too_large
from framesrv.frames.faults import short


@dataclass(frozen=True, slots=True)
class Limits:
    max_pixels: int = field(
        default=16_777_216,
        metadata={"help": "of a frame that comes in", "least": 1, "most": 16_777_216},
    )
    max_side_pixels: int = field(
        default=8192,
        metadata={"help": "a side of a frame that comes in", "least": 1, "most": 8192},
    )
    max_jpeg_scans: int = field(
        default=100,
        metadata={
            "help": "of a progressive JPEG: each costs a pass over the picture",
            "least": 1,
            "most": 10_000,
        },
    )

    def check_size(self, width: int, height: int) -> None:
        """Raise Refused with IMAGE_TOO_LARGE if the image is over a cap.

        >>> Limits().check_size(8192, 2048)
        >>> Limits().check_size(8193, 1)
        Traceback (most recent call last):
        framesrv.errors.Refused: the image is 8193 x 1 pixels: a side may have at most 8192
        """
        size = f"the image is {short(width)} x {short(height)} pixels"
        if max(width, height) > self.max_side_pixels:
            raise too_large(f"{size}: a side may have at most {self.max_side_pixels}")
        if width * height > self.max_pixels:
            raise too_large(f"{size}: it may have at most {self.max_pixels} in all")
