"""CRC-32C, by its published values and by a slow version of it."""

from __future__ import annotations

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.codecs import crc32c


@pytest.mark.parametrize(
    ("data", "value"),
    [  # RFC 3720, appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"", 0),
    ],
)
def test_the_published_values(data: bytes, value: int) -> None:
    for payload in (data, bytearray(data), memoryview(data), memoryview(b"x" + data)[1:]):
        assert crc32c(payload) == value


@given(st.binary(max_size=200))
def test_bit_by_bit(data: bytes) -> None:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(memoryview(data)) == crc ^ 0xFFFFFFFF


def test_the_fast_form_is_installed() -> None:
    assert google_crc32c.implementation == "c"
