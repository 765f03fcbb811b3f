"""Each decoder keeps the contract, in every form of file that it is likely to meet."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from framesrv.frames import Codec
from framesrv.testing.codec_pictures import Pixels
from framesrv.testing.decoder_contract import DecoderContract
from tests.codecs.files import saved, turned


class TestJpeg(DecoderContract):
    codec = Codec.JPEG
    tolerance = 1.0

    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "JPEG", quality=95, subsampling=0, **turned(orientation))

    def damaged(self) -> bytes:
        return self.sample[:-2]


class TestProgressiveJpeg(TestJpeg):
    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(
            pixels, "JPEG", quality=95, subsampling=0, progressive=True, **turned(orientation)
        )

    def damaged(self) -> bytes:
        return self.sample[:-12] + self.sample[-2:]


class TestPng(DecoderContract):
    codec = Codec.PNG
    tolerance = 0.0

    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "PNG", **turned(orientation))

    def damaged(self) -> bytes:
        whole = bytearray(self.sample)
        whole[-16] ^= 1  # the last picture chunk's checksum
        return bytes(whole)


class TestPngWithAlpha(TestPng):
    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "PNG", "RGBA", **turned(orientation))


class TestPngWithAProfile(TestPng):
    """Chunks that are left out."""

    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "PNG", icc_profile=b"profile" * 99, **turned(orientation))


class TestLossyWebp(DecoderContract):
    codec = Codec.WEBP
    tolerance = 0.5

    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "WEBP", quality=95, **turned(orientation))

    def damaged(self) -> bytes:
        whole = self.sample
        # The picture ends early, and all lengths say so.
        size = len(whole) // 4 * 2
        header = b"RIFF" + (size - 8).to_bytes(4, "little") + whole[8:16]
        return header + (size - 20).to_bytes(4, "little") + whole[20:size]


class TestLosslessWebp(TestLossyWebp):
    tolerance = 0.0

    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        return saved(pixels, "WEBP", lossless=True, **turned(orientation))


class TestWebpWithAlpha(TestLossyWebp):
    def make(self, pixels: Pixels, orientation: int = 1) -> bytes:
        image = saved_with_alpha(pixels)
        return image if orientation == 1 else saved_with_alpha(pixels, **turned(orientation))

    def damaged(self) -> bytes:
        whole = bytearray(self.sample)
        at = whole.index(b"VP8 ") + 18
        whole[at + 2 : at + 20] = b"\xff" * 18  # the first partition's length and tables
        frame = whole.index(b"VP8 ") + 8
        whole[frame : frame + 3] = (whole[frame] | 0xE0, 0xFF, 0xFF)
        return bytes(whole)


def saved_with_alpha(pixels: Pixels, **settings: bytes) -> bytes:
    alpha = np.linspace(0, 255, pixels.shape[0] * pixels.shape[1]).astype(np.uint8)
    rgba = np.dstack([pixels[..., ::-1], alpha.reshape(pixels.shape[:2])])
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "WEBP", quality=95, exact=True, **settings)
    return stream.getvalue()
