"""Whether a PNG's picture is whole, found without libpng.

imagecodecs loses about a kilobyte for every file that libpng gives up on. A few are nothing, but
somebody could send millions. So after some of them no file goes to libpng that was not inflated
here first: half the time of a decode, paid only by those who share a server with such a client.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from framesrv.codecs.png_header import chunks

GIVEN_UP_MAX: Final = 256  # files that libpng may give up on before we look ourselves
_CHANNELS: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_FILTERS: Final = 5
_PIECE_BYTES: Final = 1 << 16
_IHDR_AT: Final = 16
# Of Adam7's seven pictures: where each begins, and its steps across and down.
_ADAM7: Final = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


def is_sound(payload: memoryview) -> bool:
    """Every checksum is right, and what the file inflates to is just the rows it announces."""
    data = []
    for name, start, end in chunks(payload):
        stored = int.from_bytes(payload[end - 4 : end], "big")
        if zlib.crc32(payload[start + 4 : end - 4]) != stored:
            return False
        if name == b"IDAT":
            data.append(payload[start + 8 : end - 4])
    try:
        return _are_rows(_inflated(data), list(_rows(payload)))
    except zlib.error:
        return False


def _rows(payload: memoryview) -> Iterator[tuple[int, int]]:
    """How many rows of how many bytes, for each picture of the file in turn."""
    width = int.from_bytes(payload[_IHDR_AT : _IHDR_AT + 4], "big")
    height = int.from_bytes(payload[_IHDR_AT + 4 : _IHDR_AT + 8], "big")
    depth, colour, interlaced = payload[24], payload[25], payload[28]
    bits = _CHANNELS[colour] * depth
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            yield rows, 1 + (columns * bits + 7) // 8


def _inflated(data: list[memoryview]) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    for chunk in data:
        left: bytes | memoryview = chunk
        while len(left) and not inflate.eof:
            piece = inflate.decompress(left, _PIECE_BYTES)
            left = inflate.unconsumed_tail
            yield piece
    yield inflate.flush()
    if not inflate.eof:
        raise zlib.error("cut short")


def _are_rows(pieces: Iterator[bytes], pictures: list[tuple[int, int]]) -> bool:
    """Each row begins with the number of a filter that there is, and none is missing."""
    ends = []
    total = 0
    for rows, row_bytes in pictures:
        ends.append((total, total + rows * row_bytes, row_bytes))
        total += rows * row_bytes
    at = 0
    for piece in pieces:
        for begin, end, row_bytes in ends:
            low, high = max(at, begin), min(at + len(piece), end)
            first = low + (begin - low) % row_bytes
            if first < high and max(piece[first - at : high - at : row_bytes]) >= _FILTERS:
                return False
        at += len(piece)
        if at > total:
            return True  # libpng leaves what is too much
    return at == total
