"""What is said of an image before it is decoded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.codecs import Limits, inspect
from framesrv.errors import Reason, Refused
from framesrv.frames import Codec
from framesrv.testing.codec_pictures import scene
from framesrv.testing.decoder_contract import REFUSALS, refused_or_whole
from tests.codecs.files import header_of, saved, turned


@pytest.mark.parametrize("codec", [-1, 4, 99, 2**40])
def test_a_codec_that_is_not_known_is_not_supported(codec: int) -> None:
    with pytest.raises(Refused, match="not known") as refused:
        inspect(memoryview(saved(scene(4, 4), "JPEG")), codec, Limits())
    assert refused.value.reason is Reason.UNSUPPORTED_PAYLOAD


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "BMP", "AVIF", "ICO", "PPM", "JPEG2000"])
@pytest.mark.parametrize("codec", list(Codec))
def test_other_kinds_of_image_are_junk(kind: str, codec: Codec) -> None:
    with pytest.raises(Refused, match="not a JPEG, PNG or WebP") as refused:
        inspect(memoryview(saved(scene(16, 16), kind)), codec, Limits())
    assert refused.value.reason is Reason.IMAGE_CORRUPT


@pytest.mark.parametrize("data", [b"", b"\xff", b"RIFF\0\0\0\0WAVE", b"\x89PNG", b"<svg/>"])
def test_junk(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        inspect(memoryview(data), Codec.UNSPECIFIED, Limits())
    assert refused.value.reason is Reason.IMAGE_CORRUPT


def test_a_codec_may_be_a_plain_number() -> None:
    assert inspect(memoryview(saved(scene(4, 4), "PNG")), 2, Limits()).codec is Codec.PNG


@given(
    st.sampled_from(
        [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"RIFF\x50\0\0\0WEBPVP8X\x0a\0\0\0"]
    ),
    st.binary(max_size=120),
)
def test_any_bytes_behind_a_signature_are_refused_or_decoded(start: bytes, noise: bytes) -> None:
    refused_or_whole(memoryview(start + noise))


@given(st.binary(max_size=200), st.sampled_from(list(Codec)))
def test_any_bytes_at_all(noise: bytes, codec: Codec) -> None:
    with pytest.raises(Refused) as refused:
        inspect(memoryview(noise), codec, Limits())
    assert refused.value.reason in REFUSALS


def test_sides_are_swapped_for_the_four_sideways_orientations() -> None:
    for orientation in range(1, 9):
        header = header_of(saved(scene(6, 4), "JPEG", **turned(orientation)))
        upright = (header.upright_width, header.upright_height)
        assert upright == ((6, 4) if orientation < 5 else (4, 6))
