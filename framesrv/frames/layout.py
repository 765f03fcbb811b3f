"""How the bytes of an image lie in memory, and what follows from that.

*Interleaved* formats keep all channels of a pixel side by side; NV12 and I420 are *planar*: a
full-size luma plane, then chroma for every second column and row. *Packed* is said of rows
only: no padding between them.

Sizes are Python integers, which do not overflow: the wire can describe an image of 2**66
bytes, and the caps of whoever reads it must see that number and not a remainder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from framesrv.errors import InvalidRecord
from framesrv.frames.faults import Fault, refuse, short


class PixelFormat(IntEnum):
    """8 bits a channel; the numbers are the wire's."""

    UNSPECIFIED = 0
    BGR24 = 1
    RGB24 = 2
    RGBA32 = 3
    BGRA32 = 4
    GRAY8 = 5
    NV12 = 6
    I420 = 7


# Bytes of one pixel in a row; for the planar formats, in a row of the luma plane.
_PIXEL_BYTES: Final[Mapping[int, int]] = MappingProxyType(
    {
        PixelFormat.BGR24: 3,
        PixelFormat.RGB24: 3,
        PixelFormat.RGBA32: 4,
        PixelFormat.BGRA32: 4,
        PixelFormat.GRAY8: 1,
        PixelFormat.NV12: 1,
        PixelFormat.I420: 1,
    }
)
_PLANAR: Final = frozenset({PixelFormat.NV12, PixelFormat.I420})
_FORMATS_ALLOWED: Final = "one of " + ", ".join(map(short, _PIXEL_BYTES))
_UINT32_MAX: Final = 2**32 - 1
_SIDE_ALLOWED: Final = f"a whole number from 1 to {_UINT32_MAX}"


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """What the wire said about an image. Every derived size checks first, so none is a guess.

    >>> layout = ImageLayout(width=320, height=200, format=PixelFormat.BGR24)
    >>> layout.stride_bytes, layout.data_bytes, layout.array_shape
    (960, 192000, (200, 320, 3))
    >>> ImageLayout(640, 360, PixelFormat.I420, row_stride_bytes=704).data_bytes
    380160
    """

    width: int = 0
    height: int = 0
    # A number that this version does not know is kept as it came: that is a fault of the
    # frame, which faults() finds, and not of the message.
    format: PixelFormat | int = PixelFormat.UNSPECIFIED
    row_stride_bytes: int = 0  # 0: rows are packed

    def faults(self) -> list[Fault]:
        """All that is wrong; ``field`` tells an unknown format from a wrong shape."""
        faults = []
        pixel_bytes = _PIXEL_BYTES.get(self.format) if isinstance(self.format, int) else None
        if pixel_bytes is None:
            faults.append(Fault("format", self.format, _FORMATS_ALLOWED))
        planar = pixel_bytes is not None and self.format in _PLANAR
        for name, side in (("width", self.width), ("height", self.height)):
            if not _is_whole(side, 1):
                faults.append(Fault(name, side, _SIDE_ALLOWED))
            elif planar and side % 2:
                faults.append(Fault(name, side, f"even in {_name_of(self.format)}"))
        faults += self._stride_faults(pixel_bytes)
        return faults

    def _stride_faults(self, pixel_bytes: int | None) -> list[Fault]:
        stride = self.row_stride_bytes
        if not _is_whole(stride, 0):
            return [Fault("row_stride_bytes", stride, f"a whole number from 0 to {_UINT32_MAX}")]
        if stride == 0:
            return []
        faults = []
        if pixel_bytes is not None and _is_whole(self.width, 1):
            least = self.width * pixel_bytes
            if stride < least:
                allowed = f"0 (packed) or at least {least}, the bytes of a row"
                faults.append(Fault("row_stride_bytes", stride, allowed))
        # A chroma row of I420 has half of the luma stride: there is no half of an odd one.
        if self.format == PixelFormat.I420 and stride % 2:
            faults.append(Fault("row_stride_bytes", stride, "even in I420"))
        return faults

    def check(self) -> None:
        """Raise InvalidRecord if anything is wrong."""
        refuse("ImageLayout", self.faults())

    def length_fault(self, nbytes: int) -> Fault | None:
        """What is wrong with data of this length, if anything."""
        expected = self.data_bytes
        if nbytes == expected:
            return None
        allowed = f"exactly {expected}: {self.rows} rows of {self.stride_bytes} bytes"
        return Fault("data length", nbytes, allowed)

    def check_length(self, nbytes: int) -> None:
        """Raise InvalidRecord unless data of this length is exactly the image."""
        fault = self.length_fault(nbytes)
        refuse("ImageLayout", [fault] if fault else [])

    @property
    def is_planar(self) -> bool:
        return self.format in _PLANAR

    @property
    def packed_row_bytes(self) -> int:
        """The bytes of a row that are pixels. For NV12 and I420: of a luma row."""
        self.check()
        return self.width * _PIXEL_BYTES[self.format]

    @property
    def stride_bytes(self) -> int:
        """From the start of a row to the start of the next. For NV12 and I420: of luma rows."""
        self.check()
        return self.row_stride_bytes or self.width * _PIXEL_BYTES[self.format]

    @property
    def chroma_stride_bytes(self) -> int:
        """The same for chroma rows: NV12 has U and V side by side, I420 a plane for each."""
        self._refuse_unless(planar=True)
        return self.stride_bytes // 2 if self.format == PixelFormat.I420 else self.stride_bytes

    @property
    def rows(self) -> int:
        """How many rows of ``stride_bytes`` the data has.

        Chroma adds half as many as luma: in NV12 they are rows of UV pairs, in I420 two planes
        of half rows.
        """
        self.check()
        return self.height + self.height // 2 if self.is_planar else self.height

    @property
    def data_bytes(self) -> int:
        """The exact length of the data: stride times rows.

        The last row counts with its padding like every other. Some programs leave it out;
        "exactly as long as stride and rows say" has no exception for it.
        """
        return self.stride_bytes * self.rows

    @property
    def channels(self) -> int:
        """Of an interleaved format; in a planar one it has no single answer."""
        self._refuse_unless(planar=False)
        return _PIXEL_BYTES[self.format]

    @property
    def array_shape(self) -> tuple[int, ...]:
        """The shape of an interleaved image as a uint8 array.

        Rows come first, and grey has no third axis: OpenCV's convention, whose functions
        return such arrays and take them as ``dst``.
        """
        channels = self.channels
        sides = (self.height, self.width)
        return sides if channels == 1 else (*sides, channels)

    @property
    def array_strides(self) -> tuple[int, ...]:
        """The strides of the array of ``array_shape`` that lies over the data."""
        channels = self.channels
        return (self.stride_bytes, 1) if channels == 1 else (self.stride_bytes, channels, 1)

    def packed(self) -> ImageLayout:
        """The same image without padding between its rows."""
        return replace(self, row_stride_bytes=0) if self.row_stride_bytes else self

    def _refuse_unless(self, *, planar: bool) -> None:
        self.check()
        if self.is_planar is not planar:
            wanted = [_name_of(f) for f in _PIXEL_BYTES if (f in _PLANAR) is planar]
            raise InvalidRecord(
                f"ImageLayout: format is {_name_of(self.format)}, and this is asked of "
                f"{', '.join(wanted)} only"
            )


def _is_whole(value: object, least: int) -> bool:
    """Whether it is an integer that the wire's uint32 can hold."""
    return isinstance(value, int) and least <= value <= _UINT32_MAX


def _name_of(number: int) -> str:
    return PixelFormat(number).name
