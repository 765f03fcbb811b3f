"""EXIF, of which only the orientation matters.

Nothing here refuses an image: what cannot be read says nothing, and the picture stays as it
is stored. That is what viewers do.
"""

from __future__ import annotations

from typing import Final, Literal

from framesrv.codecs.reading import has

_UPRIGHT: Final = 1
_ORIENTATION_TAG: Final = 0x0112
_ENTRY_BYTES: Final = 12
_VALUE_BYTES: Final = {3: 2, 4: 4}  # SHORT, which it should be, and LONG, which some write
PREFIX: Final = b"Exif\0\0"  # before the TIFF data in JPEG, and in some writers' WebP


def orientation(tiff: memoryview) -> int:
    """Tag 0x0112 of the first directory, from 1 to 8; 1 if there is none.

    >>> entry = b"\\x12\\x01\\x03\\x00\\x01\\x00\\x00\\x00\\x06\\x00\\x00\\x00"
    >>> orientation(memoryview(b"II*\\x00\\x08\\x00\\x00\\x00\\x01\\x00" + entry))
    6
    >>> orientation(memoryview(b"II*\\x00\\xff\\xff\\xff\\xff"))
    1
    """
    if has(tiff, 0, PREFIX):
        tiff = tiff[len(PREFIX) :]
    order: Literal["big", "little"]
    if has(tiff, 0, b"II*\0"):
        order = "little"
    elif has(tiff, 0, b"MM\0*"):
        order = "big"
    else:
        return _UPRIGHT

    def read(at: int, nbytes: int) -> int:
        # A slice past the end is short or empty, never an error.
        return int.from_bytes(tiff[at : at + nbytes], order)

    directory = read(4, 4)
    first = directory + 2
    entries = min(read(directory, 2), max(0, len(tiff) - first) // _ENTRY_BYTES)
    for at in range(first, first + entries * _ENTRY_BYTES, _ENTRY_BYTES):
        if read(at, 2) == _ORIENTATION_TAG:
            nbytes = _VALUE_BYTES.get(read(at + 2, 2), 0)
            value = read(at + 8, nbytes) if read(at + 4, 4) == 1 else 0
            return value if 1 <= value <= 8 else _UPRIGHT
    return _UPRIGHT
