"""Pictures for the contracts of codecs, and the two ways of reading them: ours and Pillow's."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from framesrv.codecs import Header, decode, decode_scratch
from framesrv.frames import PixelFormat

Pixels = npt.NDArray[np.uint8]

CHANNELS = {
    PixelFormat.BGR24: 3,
    PixelFormat.RGB24: 3,
    PixelFormat.RGBA32: 4,
    PixelFormat.BGRA32: 4,
    PixelFormat.GRAY8: 1,
}


def scene(width: int, height: int, channels: int = 3) -> Pixels:
    """A smooth picture with no symmetry: a lossy codec keeps it, and turning it shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(63, width - 1), y / max(63, height - 1)
    planes = [40 + 180 * u, 30 + 190 * v, 60 + 120 * u * v, 90 + 150 * (1 - u) * v]
    return np.dstack(planes[:channels]).astype(np.uint8)


def distance(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """How far apart two pictures are, on average over their bytes."""
    assert one.shape == other.shape
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def decoded_twice(
    header: Header, payload: memoryview, size: tuple[int, int] | None = None
) -> Pixels:
    """Decode over two different backgrounds: what shows through was not written."""
    width, height = size or (header.width, header.height)
    shape = decode_scratch(header, width, height)
    results = []
    for background in (0x00, 0xFF):
        out = np.full((height, width, 3), background, np.uint8)
        scratch = None if shape is None else np.full(shape, background, np.uint8)
        decode(header, payload, out, scratch)
        results.append(out)
    assert np.array_equal(results[0], results[1])
    return results[0]


def with_pillow(data: bytes) -> Pixels:
    """The upright BGR picture, alpha left out."""
    with Image.open(io.BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image)
        upright = upright.convert("RGBA") if upright.mode in ("P", "PA") else upright
        return np.ascontiguousarray(np.asarray(upright.convert("RGB"))[..., ::-1])


def exif_with(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def picture(form: PixelFormat, width: int, height: int) -> Pixels:
    pixels = scene(width, height, CHANNELS[form])
    return pixels[..., 0].copy() if form is PixelFormat.GRAY8 else pixels
