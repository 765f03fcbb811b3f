"""What is known of an encoded image before anything of it is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from framesrv.frames.source import Codec

_TURNED_FROM = 5  # of the eight orientations, the last four swap the sides


@dataclass(frozen=True, slots=True)
class Header:
    """Equal headers need equal buffers: a plan made for one serves the other.

    >>> header = Header(Codec.JPEG, width=640, height=480, orientation=6)
    >>> header.upright_width, header.upright_height
    (480, 640)
    """

    codec: Codec
    width: int  # as stored, before orientation
    height: int
    orientation: int = 1  # EXIF's, from 1 (upright) to 8

    # What the decoder writes before it is made BGR.
    samples: int = 3  # of a pixel: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK
    sample_bytes: int = 1
    # PNG: there are chunks that would be inflated and that nobody wants. They are left out.
    extras: bool = False

    @property
    def upright_width(self) -> int:
        return self.height if self.orientation >= _TURNED_FROM else self.width

    @property
    def upright_height(self) -> int:
        return self.width if self.orientation >= _TURNED_FROM else self.height
