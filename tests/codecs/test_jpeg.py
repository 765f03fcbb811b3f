"""JPEG: fractions, scans, inks, and the kinds that are not served."""

from __future__ import annotations

import struct

import cv2
import imagecodecs
import numpy as np
import pytest
import simplejpeg
from hypothesis import given
from hypothesis import strategies as st

from framesrv.codecs import Header, Limits, decode, decode_scratch, decoded_size
from framesrv.codecs.jpeg_header import _MARKER
from framesrv.errors import Reason, Refused
from framesrv.frames import Codec
from framesrv.testing.codec_pictures import decoded_twice, distance, scene, with_pillow
from tests.codecs.files import decoded, header_of, jpeg_parts, jpeg_segment, refusal, saved

sides = st.integers(1, 300)


@given(width=sides, height=sides, min_width=st.integers(0, 320), min_height=st.integers(0, 320))
def test_what_is_decoded_has_the_size_that_was_said(
    width: int, height: int, min_width: int, min_height: int
) -> None:
    data = saved(scene(width, height), "JPEG")
    header = header_of(data)
    size = decoded_size(header, min_width, min_height, False)
    pixels = decoded_twice(header, memoryview(data), size)
    assert size[0] >= min(width, min_width)
    assert size[1] >= min(height, min_height)
    smaller = cv2.resize(scene(width, height), size, interpolation=cv2.INTER_AREA)
    assert distance(pixels, smaller.reshape(pixels.shape)) < 8
    assert decoded_size(header, min_width, min_height, True) == (width, height)


@given(width=sides, height=sides)
def test_every_fraction_is_decoded_at_its_size(width: int, height: int) -> None:
    data = saved(scene(width, height), "JPEG")
    for eighths in range(1, 9):
        size = -(-width * eighths // 8), -(-height * eighths // 8)
        decoded_twice(header_of(data), memoryview(data), size)


@pytest.mark.parametrize("side", range(1, 9))
def test_full_size_is_the_full_picture_where_seven_eighths_round_to_it(side: int) -> None:
    pixels = np.random.default_rng(side).integers(0, 256, (side, side, 3), dtype=np.uint8)
    data = saved(pixels, "JPEG", quality=95)
    header = header_of(data)
    full = simplejpeg.decode_jpeg(data, "BGR")
    for exact in (False, True):
        size = decoded_size(header, side, side, exact)
        if exact or size == (side, side):
            assert np.array_equal(decoded_twice(header, memoryview(data), (side, side)), full)


def test_minima_over_the_image_give_the_full_size() -> None:
    header = Header(Codec.JPEG, 100, 50)
    assert decoded_size(header, 1000, 1, False) == (100, 50)
    assert decoded_size(header, 0, 7, False) == (13, 7)
    assert decoded_size(Header(Codec.PNG, 100, 50), 1, 1, False) == (100, 50)


@pytest.mark.parametrize("settings", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
def test_a_picture_that_ends_early_is_refused_though_the_file_ends_well(
    settings: dict[str, int],
) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = saved(noise, "JPEG", **settings)
    for share in (0.5, 0.7, 0.9, 0.97):
        at = int(len(data) * share)
        at -= data[at - 1] == 0xFF  # no marker cut in two
        assert refusal(data[:at] + b"\xff\xd9").reason is Reason.IMAGE_CORRUPT


def test_a_component_that_no_scan_begins_is_missed() -> None:
    """libjpeg shows it as grey, and says nothing."""
    data = saved(scene(64, 64), "JPEG", progressive=True)
    parts = jpeg_parts(data)
    scans = [i for i, (marker, _) in enumerate(parts) if marker == 0xDA]
    first = parts[scans[0]][1]
    assert first[4] == 3  # the first scan begins all three
    alone = bytearray(first)
    # A scan of luma alone, in place of the one of all: 1 component, and a shorter header.
    alone[2:14] = struct.pack(">H", 8) + bytes((1, first[5], first[6])) + first[11:14]
    kept = [part for i, (_, part) in enumerate(parts) if i not in scans[1:]]
    kept[scans[0]] = bytes(alone)
    assert "lacks a part" in refusal(b"".join(kept)).message


def test_a_refinement_begins_nothing() -> None:
    parts = jpeg_parts(saved(scene(64, 64), "JPEG", progressive=True))
    scans = [i for i, (marker, _) in enumerate(parts) if marker == 0xDA]
    refining = bytearray(parts[scans[0]][1])
    refining[13] = 0x10  # from the second bit on, where nothing has given the first
    kept = [part for i, (_, part) in enumerate(parts) if i not in scans[1:]]
    kept[scans[0]] = bytes(refining)
    assert "lacks a part" in refusal(b"".join(kept)).message


def test_a_picture_smaller_than_its_header_said_is_refused() -> None:
    """It would leave a part of the buffer as it was."""
    data = memoryview(saved(scene(40, 30), "JPEG"))
    out = np.zeros((64, 64, 3), np.uint8)
    for header in (Header(Codec.JPEG, 64, 64), Header(Codec.JPEG, 64, 64, samples=4)):
        with pytest.raises(Refused):
            decode(header, data, out)


def test_scans_are_counted_where_there_may_be_many() -> None:
    data = saved(scene(64, 64), "JPEG", progressive=True)
    scans = sum(marker == 0xDA for marker, _ in jpeg_parts(data))
    assert scans > 3
    header_of(data, Limits(max_jpeg_scans=scans))
    refused = refusal(data, Limits(max_jpeg_scans=scans - 1))
    assert refused.reason is Reason.TOO_MANY_SCANS
    parts = [part for _, part in jpeg_parts(data)]
    many = b"".join(parts[:-1]) + parts[-2] * 200 + parts[-1]
    assert refusal(many).reason is Reason.TOO_MANY_SCANS


def test_a_second_scan_of_a_baseline_image_is_refused() -> None:
    parts = [part for _, part in jpeg_parts(saved(scene(64, 64), "JPEG"))]
    assert refusal(b"".join([*parts[:-1], *[parts[-2]] * 200, parts[-1]])).reason in (
        Reason.IMAGE_CORRUPT,
        Reason.TOO_MANY_SCANS,
    )


def test_what_looks_like_a_scan_elsewhere_is_none() -> None:
    data = saved(scene(64, 64), "JPEG", progressive=True)
    scans = sum(marker == 0xDA for marker, _ in jpeg_parts(data))
    thumbnail = jpeg_segment(0xE1, b"thumb" + b"\xff\xda\0\0" * 300)
    for padded in (data[:2] + thumbnail + data[2:], data + b"\xff\xda" * 300):
        header_of(padded, Limits(max_jpeg_scans=scans))
        decoded(padded)


@given(st.binary(max_size=60))
def test_the_search_for_markers_finds_what_a_slow_walk_does(noise: bytes) -> None:
    data = noise.replace(b"\x01", b"\xff").replace(b"\x02", b"\0")
    slow = [
        i
        for i in range(len(data) - 1)
        if data[i] == 0xFF and data[i + 1] not in (0, 0xFF, *range(0xD0, 0xD8))
    ]
    assert [found.start() for found in _MARKER.finditer(memoryview(data))] == slow


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("fraction", [1, 2])
def test_ink_is_converted_as_pillow_does(progressive: bool, fraction: int) -> None:
    data = saved(scene(64, 48), "JPEG", "CMYK", quality=95, progressive=progressive)
    header = header_of(data)
    assert header.samples == 4
    if fraction == 1:
        assert distance(decoded(data), with_pillow(data)) < 0.1
    size = decoded_size(header, 64 // fraction, 48 // fraction, False)
    assert decode_scratch(header, *size) == (size[1], size[0], 4)
    half = cv2.resize(with_pillow(data), size, interpolation=cv2.INTER_AREA)
    assert distance(decoded_twice(header, memoryview(data), size), half) < 2


def test_ink_without_adobes_mark_is_taken_alike() -> None:
    adobe = saved(scene(64, 48), "JPEG", "CMYK", quality=95)
    plain = b"".join(part for marker, part in jpeg_parts(adobe) if marker != 0xEE)
    assert distance(decoded(plain), with_pillow(plain)) < 0.1
    assert np.array_equal(decoded(plain), decoded(adobe))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_grey_is_repeated_in_three_channels(mode: str) -> None:
    data = saved(scene(40, 30), "JPEG", mode)
    pixels = decoded(data)
    assert distance(pixels, with_pillow(data)) <= 1
    assert bool((pixels[..., 0] == pixels[..., 2]).all()) == (mode == "L")


def kinds() -> dict[str, bytes]:
    base = saved(scene(32, 32), "JPEG")
    start = next(part for marker, part in jpeg_parts(base) if marker == 0xC0)
    return {
        "lossless": bytes(imagecodecs.jpeg8_encode(scene(32, 32), lossless=True)),
        "12 bits": bytes(
            imagecodecs.jpeg8_encode(scene(32, 32).astype(np.uint16) * 16, bitspersample=12)
        ),
        "arithmetic-coded": base.replace(start, b"\xff\xc9" + start[2:]),
        "hierarchical": base.replace(start, b"\xff\xc5" + start[2:]),
        "2 components": base.replace(start, jpeg_segment(0xC0, start[4:9] + b"\2" + start[10:16])),
    }


@pytest.mark.parametrize("kind", kinds())
def test_kinds_that_are_not_served_are_named(kind: str) -> None:
    refused = refusal(kinds()[kind])
    assert refused.reason is Reason.UNSUPPORTED_PAYLOAD
    assert kind in refused.message


def test_motion_jpeg_without_tables_is_decoded() -> None:
    """Cameras leave out the Huffman tables that everybody knows."""
    data = bytes(imagecodecs.jpeg8_encode(scene(64, 48), 90))
    bare = b"".join(part for marker, part in jpeg_parts(data) if marker != 0xC4)
    assert np.array_equal(decoded(bare), decoded(data))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\xff\xd8\xff", "ends too early"),
        (b"\xff\xd8\xff\xff\xff", "ends too early"),
        (b"\xff\xd8\xff\xd9", "before its picture"),
        (b"\xff\xd8\xff\xe0\0\1", "impossible length"),
        (b"\xff\xd8\xff\xe0\0\2?", "something else"),
        (b"\xff\xd8" + b"\xff\xfe\0\2" * 5000, "more than 4096 segments"),
        (b"\xff\xd8" + b"\xff\x01" * 5000, "more than 4096 segments"),
        (b"\xff\xd8" + jpeg_segment(0xDA, bytes(10)), "no frame header"),
        (b"\xff\xd8" + jpeg_segment(0xC0, b"\x08\0\0\0\1\1\1\x11\0"), "no pixels"),
        (b"\xff\xd8" + jpeg_segment(0xC0, b"\x08\0\1\0\1\1\1"), "wrong length"),
        (b"\xff\xd8" + jpeg_segment(0xC0, b"\x08\0\1\0\1\3" + b"\1\x11\0" * 3), "of one name"),
        (
            b"\xff\xd8"
            + jpeg_segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0")
            + jpeg_segment(0xDA, b"\1\1\0"),
            "scan header",
        ),
        (
            b"\xff\xd8"
            + jpeg_segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0")
            + jpeg_segment(0xDA, b"\1\7\0\0\0\0"),
            "does not have",
        ),
    ],
)
def test_headers_that_make_no_sense(data: bytes, words: str) -> None:
    refused = refusal(data)
    assert refused.reason is Reason.IMAGE_CORRUPT
    assert words in refused.message


def test_want_of_memory_is_no_fault_of_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    data = saved(scene(8, 8), "JPEG")
    monkeypatch.setattr(simplejpeg, "decode_jpeg", fails)
    with pytest.raises(MemoryError):
        decoded(data)


def test_a_bare_marker_run_is_bounded_in_time() -> None:
    data = saved(scene(32, 32), "JPEG", progressive=True)
    start = data.index(b"\xff\xda")
    hostile = data[: start + 14] + b"\xff\x01" * 100_000
    assert "segments" in refusal(hostile).message


def test_two_frame_headers_are_refused() -> None:
    data = saved(scene(32, 32), "JPEG")
    start = next(part for marker, part in jpeg_parts(data) if marker == 0xC0)
    assert "two frame headers" in refusal(data.replace(start, start * 2)).message
