"""WebP: animations, canvases, and files whose parts contradict each other."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from framesrv.codecs import Limits
from framesrv.errors import Reason, Refused
from framesrv.testing.codec_pictures import decoded_twice, distance, exif_with, scene, with_pillow
from tests.codecs.files import decoded, header_of, riff, saved


def body(width: int = 20, height: int = 10, **settings: Any) -> tuple[bytes, bytes]:
    """The picture's chunk of a simple file."""
    data = saved(scene(width, height), "WEBP", **settings)
    length = struct.unpack("<I", data[16:20])[0]
    return data[12:16], data[20 : 20 + length]


def vp8x(width: int, height: int, flags: int = 0) -> tuple[bytes, bytes]:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X", bytes((flags, 0, 0, 0)) + sides


def frame(
    picture: tuple[bytes, bytes], x: int, y: int, width: int, height: int
) -> tuple[bytes, bytes]:
    placed = b"".join(n.to_bytes(3, "little") for n in (x // 2, y // 2, width - 1, height - 1, 100))
    return b"ANMF", placed + b"\2" + riff(picture)[12:]


ANIM = (b"ANIM", bytes(6))


def refusal(data: bytes, limits: Limits | None = None) -> Refused:
    with pytest.raises(Refused) as refused:
        decoded_twice(header_of(data, limits), memoryview(data))
    return refused.value


@pytest.mark.parametrize("settings", [{"quality": 90}, {"lossless": True}])
def test_an_animation_gives_its_first_frame(settings: dict[str, Any]) -> None:
    first = Image.fromarray(scene(40, 30)[..., ::-1].copy())
    stream = io.BytesIO()
    first.save(stream, "WEBP", save_all=True, append_images=[first.rotate(180)], **settings)
    data = stream.getvalue()
    assert b"ANMF" in data
    assert distance(decoded(data), with_pillow(data)) <= 1


def test_a_first_frame_that_is_smaller_than_its_canvas() -> None:
    inner = frame(body(20, 10, lossless=True), 6, 4, 20, 10)
    data = riff(vp8x(40, 30, flags=2), ANIM, inner, inner)
    pixels = decoded(data)
    assert np.array_equal(pixels[4:14, 6:26], scene(20, 10))
    pixels[4:14, 6:26] = 0
    assert not pixels.any()
    assert np.array_equal(decoded(data), with_pillow(data))


def test_the_alpha_of_a_first_frame_is_passed_over() -> None:
    name, placed = frame(body(20, 10), 0, 0, 20, 10)
    alpha = riff((b"ALPH", b"\0" + bytes(200)))[12:]
    inner = (name, placed[:16] + alpha + placed[16:])
    data = riff(vp8x(20, 10, flags=0x12), ANIM, inner)
    assert np.array_equal(decoded(data), decoded(riff(body(20, 10))))


def test_alpha_is_discarded_and_not_blended() -> None:
    rgba = np.dstack([scene(20, 10)[..., ::-1], np.zeros((10, 20), np.uint8)])
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "WEBP", lossless=True, exact=True)
    assert np.array_equal(decoded(stream.getvalue()), scene(20, 10))


def test_the_orientation_counts_where_the_file_announces_it() -> None:
    exif = exif_with(6)
    for flags, orientation in ((8, 6), (0, 1)):
        for content in (exif, exif.removeprefix(b"Exif\0\0")):
            data = riff(vp8x(20, 10, flags), body(), (b"EXIF", content))
            assert header_of(data).orientation == orientation
            assert distance(decoded(data), scene(20, 10)) < 12


@pytest.mark.parametrize("settings", [{"quality": 90}, {"lossless": True}])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_picture_that_ends_early_is_refused_though_the_lengths_agree(
    settings: dict[str, Any], share: float
) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(noise, "WEBP", **settings)
    name, content = data[12:16], data[20:]
    assert (
        refusal(riff((name, content[: int(len(content) * share)]))).reason is Reason.IMAGE_CORRUPT
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"RIFF\4\0\0\0WEBP", "no picture"),
        (b"RIFF\x04\0\0\0WEB", "not a JPEG"),
        (b"RIFF\xff\0\0\0WEBP", "ends too early"),
        (riff((b"VP8 ", b"")), "ends too early"),
        (riff((b"VP8L", b"?")), "does not start as one"),
        (riff((b"VP8 ", b"\1" + body()[1][1:])), "does not start as one"),
        (riff((b"VP8 ", bytes(6) + bytes(4))), "does not start as one"),
        (riff((b"VP8 ", body()[1][:6] + bytes(4))), "no pixels"),
        (riff((b"VP8X", b"\0")), "too short"),
        (riff(vp8x(21, 10), body()), "another size than its canvas"),
        (riff(vp8x(20, 9), body()), "larger than its canvas"),
        (riff(vp8x(40, 30, 2), ANIM, frame(body(), 22, 0, 20, 10)), "larger than its canvas"),
        (riff(vp8x(40, 30, 2), ANIM, frame(body(), 0, 0, 21, 10)), "another size than its frame"),
        (riff(vp8x(40, 30, 2), ANIM, (b"ANMF", bytes(15))), "too short"),
        (riff(vp8x(40, 30, 2), ANIM, (b"ANMF", bytes(16))), "without a picture"),
        (riff(vp8x(20, 10), *[(b"junk", b"")] * 70_000), "more than 65536"),
    ],
)
def test_parts_that_make_no_sense(data: bytes, words: str) -> None:
    refused = refusal(data)
    assert refused.reason is Reason.IMAGE_CORRUPT
    assert words in refused.message


def test_a_large_canvas_is_refused_from_its_header() -> None:
    for width, height in ((8193, 1), (5000, 5000), (1 << 24, 1 << 24)):
        assert refusal(riff(vp8x(width, height), body())).reason is Reason.IMAGE_TOO_LARGE
