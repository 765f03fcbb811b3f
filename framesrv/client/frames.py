"""Frames as a program has them: arrays of pixels, or the bytes of an image file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from framesrv.client.names import CHANNELS, CODECS, PIXEL_FORMATS, PLANAR, number_of
from framesrv.protocol.gen import frames_pb2 as pb

Pixels = npt.NDArray[np.uint8]
Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame with what shall travel beside it.

    ``data``: an array (h, w, 3), BGR unless ``format`` says otherwise; (h, w, 4) with its format;
    (h, w), grey, or h * 3/2 rows with format "NV12" or "I420"; or the bytes of a JPEG, PNG or WebP
    file, whose format is found from the first bytes. ``sequence`` None: the place in the call.
    ``crc=True`` sends a CRC-32C of the payload, which the server checks.
    """

    data: Pixels | Buffer
    format: str | None = None
    sequence: int | None = None
    captured_at_ns: int = 0
    stream_id: str = ""
    trace_id: str = ""
    crc: bool = False


FrameLike = Frame | Pixels | Buffer


@dataclass(frozen=True, slots=True)
class Payload:
    """What of a frame the wire needs: the payload's bytes, and a layout or a codec."""

    data: Buffer
    layout: pb.ImageLayout | None = None
    codec: int = 0


def payload_of(frame: Frame) -> Payload:
    data = frame.data
    if isinstance(data, np.ndarray):
        return _pixels(data, frame.format)
    if isinstance(data, bytes | bytearray | memoryview):
        return _encoded(data, frame.format)
    raise TypeError(f"a frame is a NumPy array, bytes or a Frame, not {type(data).__name__}")


def crc32c(data: Buffer) -> int:
    try:
        library: Any = import_module("google_crc32c")
    except ImportError:
        raise RuntimeError("crc=True needs the package google-crc32c: pip install it") from None
    number: int = library.value(bytes(data))
    return number


def _encoded(data: Buffer, word: str | None) -> Payload:
    if word is not None and word.lower() in PIXEL_FORMATS:
        raise ValueError(
            f"bytes of {word} pixels have no shape: give an array, "
            "as by np.frombuffer(data, np.uint8).reshape(height, width, channels)"
        )
    codec = number_of("the format of encoded bytes", word, CODECS)
    if isinstance(data, memoryview):
        data = data.cast("B") if data.c_contiguous else data.tobytes()
    if not len(data):
        raise ValueError("a frame's bytes are empty")
    return Payload(data, codec=codec)


def _pixels(array: npt.NDArray[Any], word: str | None) -> Payload:
    if array.dtype != np.uint8:
        raise ValueError(f"pixels are uint8, not {array.dtype}: scale and convert them first")
    if not array.size:
        raise ValueError(f"an array of shape {array.shape} has no pixels")
    number = _format(array, word)
    height, width = array.shape[:2]
    if number in PLANAR:
        if array.shape[0] % 3 or width % 2:
            raise ValueError(f"{word} of even sides has h * 3/2 rows, not the shape {array.shape}")
        height = height * 2 // 3
    layout = pb.ImageLayout(width=width, height=height)
    layout.format = number  # type: ignore[assignment]  # stubs know names, not numbers
    return Payload(np.ascontiguousarray(array).data.cast("B"), layout=layout)


def _format(array: npt.NDArray[Any], word: str | None) -> int:
    shape = array.shape
    channels = shape[2] if array.ndim == 3 else 1
    if array.ndim not in {2, 3} or channels not in {1, 3, 4}:
        raise ValueError(f"an array is (h, w), (h, w, 3) or (h, w, 4), not {shape}")
    if word is None:
        if channels == 4:
            raise ValueError('four channels have no usual order: give format="BGRA32" or "RGBA32"')
        return pb.PIXEL_FORMAT_BGR24 if channels == 3 else pb.PIXEL_FORMAT_GRAY8
    number = number_of("the format of an array", word, PIXEL_FORMATS)
    wanted = CHANNELS.get(number, 1)
    if wanted != channels:
        raise ValueError(f"{word} has {wanted} channels, but the array's shape is {shape}")
    return number
