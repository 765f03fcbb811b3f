"""What is found sound without libpng, libpng decodes; what it cannot decode is not found sound."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.codecs import png_pixels
from framesrv.codecs.png_sound import GIVEN_UP_MAX, is_sound
from framesrv.errors import Reason
from framesrv.testing.codec_pictures import scene
from tests.codecs.files import decoded, png_chunk, refusal, saved

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 4: (8, 16), 6: (8, 16)}
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}
ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
kinds = st.sampled_from([(colour, depth) for colour, depths in DEPTHS.items() for depth in depths])
sides = st.integers(1, 40)


def rows_of(width: int, height: int, bits: int, interlaced: bool, random: Any) -> bytes:
    """The rows of every pass, each with its filter, as the format wants them."""
    out = []
    for left, top, across, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            row_bytes = (columns * bits + 7) // 8
            out += [bytes([random.randrange(5)]) + random.randbytes(row_bytes) for _ in range(rows)]
    return b"".join(out)


def built(  # noqa: PLR0917
    width: int, height: int, colour: int, depth: int, interlaced: bool, rows: bytes, cut: int = 0
) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    packed = zlib.compress(rows)
    packed = packed[: len(packed) - cut]
    half = len(packed) // 2
    parts = [png_chunk(b"IHDR", head), png_chunk(b"IDAT", packed[:half])]
    return b"".join([SIGNATURE, *parts, png_chunk(b"IDAT", packed[half:]), png_chunk(b"IEND", b"")])


@given(sides, sides, kinds, st.booleans(), st.randoms(use_true_random=False))
def test_a_whole_picture_is_sound(
    width: int, height: int, kind: tuple[int, int], interlaced: bool, random: Any
) -> None:
    colour, depth = kind
    rows = rows_of(width, height, CHANNELS[colour] * depth, interlaced, random)
    data = built(width, height, colour, depth, interlaced, rows)
    assert is_sound(memoryview(data))
    imagecodecs.png_decode(data)


@given(
    sides, sides, kinds, st.booleans(), st.randoms(use_true_random=False),
    st.sampled_from(["cut", "short", "filter", "flip", "none"]), st.integers(0, 10**6),
)  # fmt: skip
def test_what_libpng_gives_up_on_is_not(  # noqa: PLR0917
    width: int, height: int, kind: tuple[int, int], interlaced: bool, random: Any, how: str, at: int
) -> None:
    colour, depth = kind
    rows = bytearray(rows_of(width, height, CHANNELS[colour] * depth, interlaced, random))
    cut = 0
    if how == "short":
        del rows[at % len(rows) :]
    elif how == "filter":
        rows[0] = 5 + at % 251
    elif how == "cut":
        cut = 1 + at % 6
    data = bytearray(built(width, height, colour, depth, interlaced, bytes(rows), cut))
    if how == "flip":
        data[at % (len(data) - 8) + 8] ^= 1 << at % 8
    try:
        imagecodecs.png_decode(bytes(data))
    except Exception:
        libpng_gave_up = True
    else:
        libpng_gave_up = False
    try:
        sound = is_sound(memoryview(bytes(data)))
    except Exception:
        sound = False
    if libpng_gave_up:
        assert not sound


def test_after_some_failures_no_broken_file_goes_to_libpng(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = saved(scene(40, 30), "PNG", "RGB")
    at = whole.index(b"IDAT") + 30
    broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
    monkeypatch.setattr(png_pixels._Caution, "given_up", GIVEN_UP_MAX - 1)
    assert refusal(broken).reason is Reason.IMAGE_CORRUPT
    assert png_pixels._Caution.given_up == GIVEN_UP_MAX
    asked: list[object] = []

    def decode(*args: Any, **settings: Any) -> Any:
        asked.append(args)
        return original(*args, **settings)

    original = imagecodecs.png_decode
    monkeypatch.setattr(imagecodecs, "png_decode", decode)
    assert refusal(broken).reason is Reason.IMAGE_CORRUPT
    assert not asked
    assert np.array_equal(decoded(whole), scene(40, 30))
    assert asked
