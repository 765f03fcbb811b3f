"""PNG: every kind of pixel, and files that try to cost more than they show."""

from __future__ import annotations

import io
import struct
import zlib
from types import SimpleNamespace
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from framesrv.codecs import decode_scratch, png_pixels
from framesrv.codecs.png_header import chunks
from framesrv.errors import Reason
from framesrv.testing.codec_pictures import scene, with_pillow
from tests.codecs.files import decoded, header_of, png_chunk, refusal, saved

SIGNATURE = b"\x89PNG\r\n\x1a\n"
IEND = png_chunk(b"IEND", b"")


def ihdr(width: int, height: int, depth: int, colour: int, interlace: int = 0) -> bytes:
    return png_chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    )


def idat(rows: npt.NDArray[np.uint8]) -> bytes:
    """Rows of bytes, with no filter."""
    return png_chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))


def built(*parts: bytes) -> bytes:
    return b"".join([SIGNATURE, *parts, IEND])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_gives_the_pixels_of_pillow(mode: str) -> None:
    data = saved(scene(50, 30), "PNG", mode)
    assert np.array_equal(decoded(data), with_pillow(data))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_few_bits_of_grey_reach_from_black_to_white(depth: int) -> None:
    rows = np.arange(8 * depth, dtype=np.uint8).reshape(8, depth) * 37
    data = built(ihdr(8, 8, depth, 0), idat(rows))
    bits = np.unpackbits(rows, axis=1).reshape(8, 8, depth)
    levels = bits @ (1 << np.arange(depth)[::-1])
    assert np.array_equal(decoded(data)[..., 0], levels * 255 // (2**depth - 1))


@pytest.mark.parametrize(("colour", "samples"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_scaled(colour: int, samples: int) -> None:
    values = np.random.default_rng(colour).integers(0, 65536, (20, 30, samples), dtype=np.uint16)
    values[0, :3] = np.array([0, 65535, 257 * 9])[:, None]
    big_endian = values.astype(">u2").view(np.uint8).reshape(20, -1)
    data = built(ihdr(30, 20, 16, colour), idat(big_endian))
    scaled = np.rint(values.astype(np.float64) / 257).astype(np.uint8)
    grey = samples < 3
    bgr = np.repeat(scaled[..., :1], 3, axis=2) if grey else scaled[..., 2::-1]
    assert np.array_equal(decoded(data), bgr)
    assert decode_scratch(header_of(data), 30, 20) == (20, 30, samples * 2)


def test_alpha_is_discarded_and_not_blended() -> None:
    rgba = np.dstack([scene(20, 10), np.zeros((10, 20), np.uint8)])
    data = built(ihdr(20, 10, 8, 6), idat(rgba.reshape(10, -1)))
    assert np.array_equal(decoded(data), scene(20, 10)[..., ::-1])


@pytest.mark.parametrize(
    ("colour", "depth", "channels", "key"),
    [(0, 8, 1, b"\0\x07"), (2, 8, 3, b"\0\x01\0\x02\0\x03"), (0, 16, 2, b"\x01\x02")],
)
def test_a_transparent_colour_is_shown_as_it_is(
    colour: int, depth: int, channels: int, key: bytes
) -> None:
    rows = np.random.default_rng(9).integers(0, 256, (6, 5 * channels), dtype=np.uint8)
    plain = built(ihdr(5, 6, depth, colour), idat(rows))
    keyed = built(ihdr(5, 6, depth, colour), png_chunk(b"tRNS", key), idat(rows))
    assert np.array_equal(decoded(keyed), decoded(plain))


def test_a_palette_with_alpha() -> None:
    palette = png_chunk(b"PLTE", bytes(range(30)))
    alpha = png_chunk(b"tRNS", b"\0\x80")
    rows = np.arange(40, dtype=np.uint8).reshape(5, 8) % 10
    data = built(ihdr(8, 5, 8, 3), palette, alpha, idat(rows))
    assert decoded(data)[0, 2].tolist() == [8, 7, 6]
    assert np.array_equal(decoded(data), with_pillow(data))


def test_an_interlaced_picture() -> None:
    rows = scene(1, 1)[..., ::-1].reshape(1, -1)
    data = built(ihdr(1, 1, 8, 2, interlace=1), idat(rows))
    assert np.array_equal(decoded(data), scene(1, 1))


def test_a_bad_checksum_is_refused_in_any_part_of_the_picture() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    whole = saved(noise, "PNG", compress_level=1)
    # Cut into pieces of 4 KB, so that there are some.
    parts = list(chunks(memoryview(whole)))
    body = b"".join(whole[start + 8 : end - 4] for name, start, end in parts if name == b"IDAT")
    pieces = [png_chunk(b"IDAT", body[at : at + 4096]) for at in range(0, len(body), 4096)]
    assert np.array_equal(decoded(built(ihdr(100, 100, 8, 2), *pieces)), noise)
    for number in range(len(pieces)):
        for at in (-1, 100):
            damaged = bytearray(pieces[number])
            damaged[at] ^= 1
            data = built(
                ihdr(100, 100, 8, 2), *pieces[:number], bytes(damaged), *pieces[number + 1 :]
            )
            assert refusal(data).reason is Reason.IMAGE_CORRUPT
    for number in range(len(pieces)):
        data = built(ihdr(100, 100, 8, 2), *pieces[:number], *pieces[number + 1 :])
        assert refusal(data).reason is Reason.IMAGE_CORRUPT


def test_a_picture_with_too_few_rows_is_refused() -> None:
    rows = scene(20, 9)[..., ::-1].reshape(9, -1)
    assert refusal(built(ihdr(20, 10, 8, 2), idat(rows))).reason is Reason.IMAGE_CORRUPT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (SIGNATURE, "ends too early"),
        (SIGNATURE + IEND, "does not start with a header"),
        (built(ihdr(0, 1, 8, 2)), "no pixels"),
        (built(ihdr(1, 1, 7, 2)), "no sense"),
        (built(ihdr(1, 1, 16, 3)), "no sense"),
        (built(ihdr(1, 1, 8, 5)), "no sense"),
        (built(ihdr(1, 1, 8, 2, 2)), "no sense"),
        (built(ihdr(1, 1, 8, 2)), "lacks its picture"),
        (built(ihdr(1, 1, 8, 3), png_chunk(b"IDAT", b"")), "lacks its picture or its palette"),
        (SIGNATURE + ihdr(1, 1, 8, 2) + png_chunk(b"IDAT", b"") * 70_000, "more than 65536"),
        (SIGNATURE + b"\xff\xff\xff\xffIHDR", "ends too early"),
    ],
)
def test_chunks_that_make_no_sense(data: bytes, words: str) -> None:
    refused = refusal(data)
    assert refused.reason is Reason.IMAGE_CORRUPT
    assert words in refused.message


def test_a_small_file_of_a_large_picture_is_refused_from_its_header() -> None:
    for width, height in ((8193, 1), (4097, 4096), (2**31 - 1, 2**31 - 1)):
        assert refusal(built(ihdr(width, height, 8, 2))).reason is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("name", [b"zTXt", b"iTXt", b"iCCP"])
def test_texts_and_profiles_do_not_reach_the_library(
    name: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would inflate up to a thousand of them, to 8 MB each: half a minute for one image."""
    seen: list[bytes] = []

    def watched(data: memoryview, **settings: Any) -> Any:
        seen.append(bytes(data))
        return imagecodecs.png_decode(bytes(data), **settings)

    monkeypatch.setattr(png_pixels, "imagecodecs", SimpleNamespace(png_decode=watched))
    rows = scene(20, 10)[..., ::-1].reshape(10, -1)
    unwanted = png_chunk(name, b"k\0\0" + zlib.compress(bytes(100_000)))
    for bomb in (unwanted * 60, b""):
        data = built(ihdr(20, 10, 8, 2), bomb, idat(rows))
        assert np.array_equal(decoded(data), scene(20, 10))
    assert seen[0] == seen[-1] == built(ihdr(20, 10, 8, 2), idat(rows))


def test_an_orientation_behind_the_picture_counts() -> None:
    rows = scene(20, 10)[..., ::-1].reshape(10, -1)
    exif = b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\3\0\0"
    data = built(ihdr(20, 10, 8, 2), idat(rows), png_chunk(b"eXIf", exif))
    assert header_of(data).orientation == 3


def test_the_chunks_of_an_animation_are_passed_over() -> None:
    data = saved(scene(20, 10), "PNG")
    stream = io.BytesIO()
    first = Image.fromarray(scene(20, 10)[..., ::-1].copy())
    first.save(stream, "PNG", save_all=True, append_images=[first.rotate(180)], duration=50)
    assert b"fdAT" in stream.getvalue()
    assert np.array_equal(decoded(stream.getvalue()), decoded(data))
