"""Decoding what came back encoded, by whatever the program's environment has.

Nothing is imported before it is asked for: a client that only stores JPEGs needs no decoder.
"""

from __future__ import annotations

import io
from importlib import import_module
from typing import Any

import numpy as np

from framesrv.client.frames import Pixels


def decode(data: bytes) -> Pixels:
    """8 bits a channel: (h, w) grey, (h, w, 3) BGR or (h, w, 4) BGRA."""
    for decoder, name in ((_by_opencv, "cv2"), (_by_pillow, "PIL.Image")):
        try:
            library = import_module(name)
        except ImportError:
            continue
        return decoder(library, data)
    raise RuntimeError(
        "decoding an output needs OpenCV or Pillow: pip install one, take .bytes, "
        'or ask for encoding="raw"'
    )


def _by_opencv(cv2: Any, data: bytes) -> Pixels:
    pixels: Pixels | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("the output's bytes are no image")
    return pixels


def _by_pillow(pillow: Any, data: bytes) -> Pixels:
    try:
        picture = pillow.open(io.BytesIO(data))
        picture.load()
    except OSError:
        raise ValueError("the output's bytes are no image") from None
    if picture.mode not in {"L", "RGB", "RGBA"}:
        picture = picture.convert("RGB")
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        return pixels
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return pixels[:, :, order]
