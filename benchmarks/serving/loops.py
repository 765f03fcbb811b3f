"""The same work without a server: the limit that pools allow, and what most people write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import imagecodecs
import numpy as np
import simplejpeg

_EXT_RGBA = 12  # libjpeg's number for four bytes a pixel, red first
Loop = Callable[[bytes], int]


def pooled() -> Loop:
    """Decode at a half into a kept array, work in kept arrays, encode into a kept buffer."""
    half = np.zeros((360, 640, 3), np.uint8)
    small = np.zeros((320, 320, 3), np.uint8)
    rgba = np.zeros((320, 320, 4), np.uint8)
    out: Any = memoryview(bytearray(1 << 20))  # any writable buffer will do

    def one(jpeg: bytes) -> int:
        simplejpeg.decode_jpeg(jpeg, "BGR", min_width=640, min_height=360, buffer=half)
        cv2.resize(half, (320, 320), dst=small, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(small, cv2.COLOR_BGR2RGBA, dst=rgba)
        coded = imagecodecs.jpeg8_encode(
            rgba, 85, colorspace=_EXT_RGBA, outcolorspace="YCBCR", subsampling="420", out=out
        )
        return len(coded)

    return one


def plain() -> Loop:
    return lambda jpeg: len(plain_bytes(jpeg))


def plain_bytes(jpeg: bytes) -> bytes:
    """As in a first draft: every step makes its own array."""
    picture: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    picture = cv2.resize(picture, (640, 360))
    picture = cv2.resize(picture, (320, 320))
    rgba = cv2.cvtColor(picture, cv2.COLOR_BGR2RGBA)
    bgr = cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR)  # imencode writes no four-channel JPEG
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return bytes(coded.tobytes())


def raw_pooled() -> Loop:
    """640x360 BGR pixels to the same JPEG."""
    small = np.zeros((320, 320, 3), np.uint8)
    rgba = np.zeros((320, 320, 4), np.uint8)
    out: Any = memoryview(bytearray(1 << 20))  # any writable buffer will do

    def one(pixels: bytes) -> int:
        picture = np.frombuffer(pixels, np.uint8).reshape(360, 640, 3)
        cv2.resize(picture, (320, 320), dst=small, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(small, cv2.COLOR_BGR2RGBA, dst=rgba)
        coded = imagecodecs.jpeg8_encode(
            rgba, 85, colorspace=_EXT_RGBA, outcolorspace="YCBCR", subsampling="420", out=out
        )
        return len(coded)

    return one
