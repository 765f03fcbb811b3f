"""The orientation tag, out of bytes that mean harm."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from framesrv.codecs.exif import orientation
from framesrv.testing.codec_pictures import exif_with


def tiff(
    value: int, order: str = ">", *, kind: int = 3, count: int = 1, before: int = 0, at: int = 8
) -> bytes:
    entry = struct.pack(order + "HHI", 0x0112, kind, count)
    entry += struct.pack(
        order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,))
    )
    other = struct.pack(order + "HHII", 0x0100, 4, 1, 6)
    head = (b"MM\0*" if order == ">" else b"II*\0") + struct.pack(order + "I", at) + bytes(at - 8)
    return head + struct.pack(order + "H", before + 1) + other * before + entry


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("value", range(1, 9))
def test_it_is_read_in_both_byte_orders(order: str, value: int) -> None:
    for data in (
        tiff(value, order),
        tiff(value, order, kind=4),
        tiff(value, order, before=9),
        tiff(value, order, at=100),
        b"Exif\0\0" + tiff(value, order),
        exif_with(value),
    ):
        assert orientation(memoryview(data)) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"II*\0",
        b"XX*\0" + tiff(6)[4:],
        b"II\0*" + tiff(6)[4:],
        tiff(0),
        tiff(9),
        tiff(6, kind=2),
        tiff(6, count=2),
        tiff(6)[:-5],
        b"MM\0*\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
    ],
)
def test_what_cannot_be_read_says_nothing(data: bytes) -> None:
    assert orientation(memoryview(data)) == 1


@given(st.binary(max_size=80), st.sampled_from([b"II*\0", b"MM\0*", b"Exif\0\0MM\0*", b""]))
@example(b"\0\0\0\0", b"MM\0*")  # a directory that starts in its own header
def test_any_bytes_give_an_orientation(noise: bytes, start: bytes) -> None:
    assert 1 <= orientation(memoryview(start + noise)) <= 8
