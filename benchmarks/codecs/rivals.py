"""The same file decoded, or the same picture encoded, by us and by every other library there is.

The frame is drawn, not filmed, so that nothing need be downloaded: noise of every scale, as
natural pictures have it, which makes about the JPEG size of a real one.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import cv2
import imagecodecs
import numpy as np
import simplejpeg
from PIL import Image

from framesrv.codecs import Header, Limits, decode, decoded_size, encode, encode_scratch, inspect
from framesrv.frames import Codec, Encoding, PixelFormat
from framesrv.frames.form import Form
from framesrv.pool.scratch import ScratchBytesIO

WIDTH, HEIGHT, SIDE = 1280, 720, 320
QUALITY: Final = 85
OURS: Final = "framesrv"

Call = Callable[[], object]


class Task(NamedTuple):
    key: str
    what: str
    # What a call needs of its own, so that threads do not share it, is made by its maker.
    candidates: Mapping[str, Callable[[], Call]]


def drawn(width: int, height: int) -> Any:
    noise = np.random.default_rng(1)
    sum_ = noise.normal(0, 1.5, (height, width, 3)).astype(np.float32)
    for octave in range(1, 8):
        step = 2**octave
        coarse = noise.normal(0, 1, (height // step + 2, width // step + 2, 3)).astype(np.float32)
        sum_ += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * step**0.9
    sum_ -= sum_.min()
    return (sum_ * (255 / sum_.max())).astype(np.uint8)


def _ours(data: bytes, divisor: int = 1) -> Callable[[], Call]:
    def make() -> Call:
        payload = memoryview(data)
        size = decoded_size(_header(data), WIDTH // divisor, HEIGHT // divisor, divisor == 1)
        out = np.empty((size[1], size[0], 3), np.uint8)
        return lambda: decode(inspect(payload, Codec.UNSPECIFIED, Limits()), payload, out)

    return make


def _header(data: bytes) -> Header:
    return inspect(memoryview(data), Codec.UNSPECIFIED, Limits())


def _pillow(data: bytes, divisor: int = 1) -> Call:
    def call() -> object:
        with Image.open(io.BytesIO(data)) as image:
            if divisor > 1:
                image.draft("RGB", (WIDTH // divisor, HEIGHT // divisor))
            return np.asarray(image)[..., ::-1]

    return call


def decoding(frame: Any) -> list[Task]:
    jpeg = bytes(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])
    png = bytes(cv2.imencode(".png", frame)[1])
    webp = bytes(cv2.imencode(".webp", frame, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])[1])
    half = cv2.IMREAD_REDUCED_COLOR_2

    def by_cv2(data: bytes, mode: int = cv2.IMREAD_COLOR) -> Callable[[], Call]:
        coded = np.frombuffer(data, np.uint8)
        return lambda: lambda: cv2.imdecode(coded, mode)

    def into(decoder: Callable[..., object], data: bytes) -> Callable[[], Call]:
        def make() -> Call:
            out = np.empty((HEIGHT, WIDTH, 3), np.uint8)
            return lambda: decoder(data, out=out)

        return make

    return [
        Task(
            "jpeg",
            "decode a JPEG of 1280x720",
            {
                OURS: _ours(jpeg),
                "simplejpeg": lambda: lambda: simplejpeg.decode_jpeg(jpeg, "BGR"),
                "cv2": by_cv2(jpeg),
                "imagecodecs": into(imagecodecs.jpeg8_decode, jpeg),
                "pillow": lambda: _pillow(jpeg),
            },
        ),
        Task(
            "half",
            "the same at a half",
            {
                OURS: _ours(jpeg, 2),
                "cv2": by_cv2(jpeg, half),
                "pillow": lambda: _pillow(jpeg, 2),
            },
        ),
        Task(
            "png",
            "decode a PNG of 1280x720",
            {
                OURS: _ours(png),
                "cv2": by_cv2(png),
                "spng": into(imagecodecs.spng_decode, png),
                "pillow": lambda: _pillow(png),
            },
        ),
        Task(
            "webp",
            "decode a WebP of 1280x720",
            {OURS: _ours(webp), "cv2": by_cv2(webp), "pillow": lambda: _pillow(webp)},
        ),
    ]


def encoding(frame: Any) -> list[Task]:
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    form = Form(SIDE, SIDE, PixelFormat.BGR24)
    image = Image.fromarray(np.ascontiguousarray(small[..., ::-1]))

    def ours(kind: Encoding) -> Callable[[], Call]:
        def make() -> Call:
            buffer = ScratchBytesIO(1 << 20)
            shape = encode_scratch(form, kind)
            scratch = None if shape is None else np.empty(shape, np.uint8)
            return lambda: encode(small, form, kind, QUALITY, buffer, scratch=scratch)

        return make

    def by_cv2(suffix: str, *settings: int) -> Callable[[], Call]:
        return lambda: lambda: cv2.imencode(suffix, small, list(settings))

    def by_pillow(kind: str, **settings: Any) -> Callable[[], Call]:
        def make() -> Call:
            stream = io.BytesIO(bytes(1 << 20))

            def call() -> None:
                stream.seek(0)
                image.save(stream, kind, **settings)

            return call

        return make

    return [
        Task(
            "to_jpeg",
            "encode a JPEG of 320x320",
            {
                OURS: ours(Encoding.JPEG),
                "simplejpeg": lambda: lambda: simplejpeg.encode_jpeg(small, QUALITY, "BGR", "420"),
                "cv2": by_cv2(".jpg", cv2.IMWRITE_JPEG_QUALITY, QUALITY),
                "pillow": by_pillow("JPEG", quality=QUALITY),
            },
        ),
        Task(
            "to_png",
            "encode a PNG of 320x320",
            {
                OURS: ours(Encoding.PNG),
                "cv2": by_cv2(".png"),
                "pillow": by_pillow("PNG", compress_level=1),
            },
        ),
        Task(
            "to_webp",
            "encode a WebP of 320x320",
            {
                OURS: ours(Encoding.WEBP),
                "cv2": by_cv2(".webp", cv2.IMWRITE_WEBP_QUALITY, QUALITY),
                "pillow": by_pillow("WEBP", quality=QUALITY),
            },
        ),
    ]
