"""Pictures, the frames they are sent in, and pipelines that say what becomes of them."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from framesrv.protocol.gen import frames_pb2 as pb

Pixels = npt.NDArray[Any]


def picture(width: int = 64, height: int = 48, seed: int = 0) -> Pixels:
    """Smooth, so that encoding changes little."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def coded(pixels: Pixels, kind: str = ".jpg") -> bytes:
    ok, data = cv2.imencode(kind, pixels)
    assert ok
    return data.tobytes()


def encoded(data: bytes, sequence: int = 0, **fields: Any) -> pb.Frame:
    return pb.Frame(sequence=sequence, encoded=pb.EncodedImage(data=data), **fields)


def raw(
    data: bytes, width: int, height: int, form: Any, stride: int = 0, **fields: Any
) -> pb.Frame:
    layout = pb.ImageLayout(width=width, height=height, format=form, row_stride_bytes=stride)
    return pb.Frame(raw=pb.RawImage(layout=layout, data=data), **fields)


def as_it_is(encoding: Any = pb.ENCODING_RAW, *ops: pb.Op) -> pb.Pipeline:
    return pb.Pipeline(
        outputs=[pb.Output(name="out", ops=ops, encoding=encoding)],
        decode_mode=pb.DECODE_MODE_EXACT,
    )


def custom(processor: str, **options: str) -> pb.Op:
    return pb.Op(custom=pb.Custom(processor=processor, options=options))


def resize(**fields: Any) -> pb.Op:
    return pb.Op(resize=pb.Resize(**fields))


JPEG = coded(picture())
