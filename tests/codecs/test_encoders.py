"""Each encoder keeps the contract, read back by Pillow."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from framesrv.codecs import (
    Limits,
    crc32c,
    decode,
    decode_scratch,
    decoded_size,
    encode,
    encode_scratch,
    inspect,
)
from framesrv.errors import Reason, Refused
from framesrv.frames import Codec, Encoding, PixelFormat
from framesrv.frames.form import Form
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.testing.codec_pictures import Pixels, distance, scene
from framesrv.testing.encoder_contract import EncoderContract
from tests.codecs.files import saved, traced

_MODES = {
    PixelFormat.BGR24: "RGB",
    PixelFormat.RGB24: "RGB",
    PixelFormat.RGBA32: "RGBA",
    PixelFormat.BGRA32: "RGBA",
    PixelFormat.GRAY8: "L",
}


class _ByPillow(EncoderContract):
    kind: str

    def read(self, data: bytes, form: Form) -> Pixels:
        with Image.open(io.BytesIO(data)) as image:
            assert image.format == self.kind
            pixels = np.asarray(image.convert(_MODES[form.format]))
        if form.format in (PixelFormat.BGR24, PixelFormat.BGRA32):
            pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
        return pixels


class TestJpeg(_ByPillow):
    encoding = Encoding.JPEG
    kind = "JPEG"
    tolerance = 6.0  # chroma of half the size: what a pixel's neighbours say
    keeps_alpha = False

    def test_the_default_encoding_is_jpeg(self) -> None:
        form = Form(8, 8, PixelFormat.BGR24)
        assert self.written(scene(8, 8), form, Encoding.UNSPECIFIED) == self.written(
            scene(8, 8), form, Encoding.JPEG
        )

    def test_colours_are_stored_as_luma_and_chroma(self) -> None:
        """And not as three channels that readers then take for these."""
        for form in (PixelFormat.BGR24, PixelFormat.RGB24, PixelFormat.BGRA32):
            pixels = scene(64, 64, 4 if form is PixelFormat.BGRA32 else 3)
            data = self.written(pixels, Form(64, 64, form), Encoding.JPEG)
            with Image.open(io.BytesIO(data)) as image:
                assert image.mode == "RGB"
                assert image.info.get("jfif")
        with Image.open(
            io.BytesIO(
                self.written(
                    scene(8, 8)[..., 0].copy(), Form(8, 8, PixelFormat.GRAY8), Encoding.JPEG
                )
            )
        ) as image:
            assert image.mode == "L"


class TestPng(_ByPillow):
    encoding = Encoding.PNG
    kind = "PNG"
    tolerance = 0.0
    keeps_alpha = True


class TestWebp(_ByPillow):
    encoding = Encoding.WEBP
    kind = "WEBP"
    tolerance = 3.0
    keeps_alpha = True


class TestRaw(EncoderContract):
    encoding = Encoding.RAW
    tolerance = 0.0
    keeps_alpha = True

    def read(self, data: bytes, form: Form) -> Pixels:
        return np.frombuffer(data, np.uint8).reshape(form.shape)


@pytest.mark.parametrize("planar", [PixelFormat.NV12, PixelFormat.I420])
def test_planar_rows_are_copied_as_they_are(planar: PixelFormat) -> None:
    form = Form(8, 6, planar)
    rows = np.arange(72, dtype=np.uint8).reshape(form.shape)
    assert EncoderContract.written(rows, form, Encoding.RAW) == rows.tobytes()
    for encoding in (Encoding.JPEG, Encoding.PNG, Encoding.WEBP):
        with pytest.raises(Refused) as refused:
            EncoderContract.written(rows, form, encoding)
        assert refused.value.reason is Reason.BAD_PIPELINE


@pytest.mark.parametrize(
    ("encoding", "side_max"), [(Encoding.JPEG, 65_500), (Encoding.WEBP, 16_382)]
)
def test_sides_that_readers_do_not_know_are_refused(encoding: Encoding, side_max: int) -> None:
    for width, height in ((side_max, 1), (1, side_max)):
        pixels = np.zeros((height, width, 3), np.uint8)
        data = EncoderContract.written(pixels, Form(width, height, PixelFormat.BGR24), encoding)
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    wide = np.zeros((1, side_max + 1, 3), np.uint8)
    with pytest.raises(Refused) as refused:
        EncoderContract.written(wide, Form(side_max + 1, 1, PixelFormat.BGR24), encoding)
    assert refused.value.reason is Reason.IMAGE_TOO_LARGE


def test_a_higher_quality_is_closer_and_larger() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    form = Form(64, 64, PixelFormat.RGB24)
    for encoding in (Encoding.JPEG, Encoding.WEBP):
        sizes, distances = [], []
        for quality in (1, 50, 100):
            buffer = ScratchBytesIO()
            encode(noise, form, encoding, quality, buffer)
            with Image.open(io.BytesIO(buffer.getvalue())) as image:
                distances.append(distance(np.asarray(image.convert("RGB")), noise))
            sizes.append(len(buffer.getvalue()))
        assert sizes == sorted(sizes)
        assert distances[0] > distances[1] > distances[2] > 0


def test_a_fault_of_the_encoder_is_not_taken_for_want_of_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(imagecodecs, "png_encode", fails)
    with pytest.raises(RuntimeError, match="something else"):
        EncoderContract.written(scene(8, 8), Form(8, 8, PixelFormat.RGB24), Encoding.PNG, 4096)


def test_a_scratch_of_another_shape_is_the_callers_mistake() -> None:
    scratch = np.empty((9, 8, 3), np.uint8)
    form = Form(8, 8, PixelFormat.BGR24)
    with pytest.raises(ValueError, match="scratch is"):
        encode(scene(8, 8), form, Encoding.PNG, 90, ScratchBytesIO(), scratch=scratch)


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("encoding", list(Encoding), ids=lambda encoding: encoding.name)
def test_nothing_is_allocated_for_a_frame(source: str, encoding: Encoding) -> None:
    """Nothing, that is, of a kind that a pool could lend."""
    data = memoryview(saved(scene(640, 360), source))
    header = inspect(data, Codec.UNSPECIFIED, Limits())
    width, height = decoded_size(header, 320, 180, False)
    out = np.empty((height, width, 3), np.uint8)
    form = Form(width, height, PixelFormat.BGR24)
    lent = [
        None if shape is None else np.empty(shape, np.uint8)
        for shape in (decode_scratch(header, width, height), encode_scratch(form, encoding))
    ]
    buffer = ScratchBytesIO(2 << 20)

    def frame() -> None:
        crc32c(data)
        decode(inspect(data, Codec.UNSPECIFIED, Limits()), data, out, lent[0])
        encode(out, form, encoding, 85, buffer, scratch=lent[1])

    kept, peak = traced(frame)
    assert peak < 4096
    assert kept < 2048, "small objects that Python keeps for the next call, and nothing else"
