"""A recycled buffer never shows one client's pixels to another.

One client fills every buffer with its own picture; another then sends all kinds of good, cut,
short and wrong frames. It must be answered byte for byte as by a server that the first has
never seen, and must not see the first one's pattern.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pictures import Pixels, coded, custom, picture
from PIL import Image
from props import Running, serving
from stock_client import connected

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

WIDTH, HEIGHT = 96, 64
MARK = 0xA7
MARKS = bytes([MARK]) * 12
FORMATS: list[Any] = [
    pb.PIXEL_FORMAT_BGR24,
    pb.PIXEL_FORMAT_RGB24,
    pb.PIXEL_FORMAT_RGBA32,
    pb.PIXEL_FORMAT_BGRA32,
    pb.PIXEL_FORMAT_GRAY8,
]
PLANAR = [pb.PIXEL_FORMAT_NV12, pb.PIXEL_FORMAT_I420]
PIXEL_BYTES = dict(zip([*FORMATS, *PLANAR], [3, 3, 4, 4, 1, 1, 1], strict=True))
WRONG = 0x11  # what the second client's own padding is made of


def marked(width: int, height: int) -> Pixels:
    """The first client's picture: half of it the mark, half of it noise that is hard to encode."""
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pixels[: height // 2] = MARK
    return pixels


def modest(width: int, height: int) -> Pixels:
    """The second client's: smooth and dark, so that it encodes to little and has no mark."""
    return (picture(width, height, 5) // 4).astype(np.uint8)


# -- frames ------------------------------------------------------------------------------------


def raw_data(pixels: Pixels, fmt: Any, padding: int, fill: int) -> tuple[bytes, int]:
    """The picture in a format, and its stride."""
    height, width = pixels.shape[:2]
    if fmt in PLANAR:
        planes = cv2.cvtColor(pixels, cv2.COLOR_BGR2YUV_I420)
        if fmt == pb.PIXEL_FORMAT_NV12:
            chroma = planes[height:].reshape(2, -1).T.reshape(height // 2, width)
            planes = np.vstack([planes[:height], chroma])
        if not padding:
            return planes.tobytes(), 0
        stride = width + padding
        out = np.full((height * 3 // 2) * stride, fill, np.uint8)
        luma = out[: height * stride].reshape(height, stride)
        luma[:, :width] = planes[:height]
        if fmt == pb.PIXEL_FORMAT_NV12:
            out[height * stride :].reshape(-1, stride)[:, :width] = planes[height:]
        else:
            halves = out[height * stride :].reshape(height, stride // 2)
            halves[:, : width // 2] = planes[height:].reshape(height, width // 2)
        return out.tobytes(), stride
    code = {
        pb.PIXEL_FORMAT_RGB24: cv2.COLOR_BGR2RGB,
        pb.PIXEL_FORMAT_RGBA32: cv2.COLOR_BGR2RGBA,
        pb.PIXEL_FORMAT_BGRA32: cv2.COLOR_BGR2BGRA,
        pb.PIXEL_FORMAT_GRAY8: cv2.COLOR_BGR2GRAY,
    }.get(fmt)
    shown = pixels if code is None else cv2.cvtColor(pixels, code)
    rows = np.ascontiguousarray(shown).reshape(height, -1)
    if not padding:
        return rows.tobytes(), 0
    wide = np.full((height, rows.shape[1] + padding), fill, np.uint8)
    wide[:, : rows.shape[1]] = rows
    return wide.tobytes(), wide.shape[1]


def raw_frame(pixels: Pixels, fmt: Any, padding: int = 0, fill: int = WRONG) -> pb.Frame:
    data, stride = raw_data(pixels, fmt, padding, fill)
    layout = pb.ImageLayout(
        width=pixels.shape[1], height=pixels.shape[0], format=fmt, row_stride_bytes=stride
    )
    return pb.Frame(raw=pb.RawImage(layout=layout, data=data))


def by_pillow(pixels: Pixels, kind: str, mode: str, **settings: Any) -> bytes:
    store = io.BytesIO()
    rgb = np.ascontiguousarray(pixels[..., ::-1])
    Image.fromarray(rgb).convert(mode).save(store, kind, **settings)
    return store.getvalue()


def files(pixels: Pixels) -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    return [
        coded(pixels, ".jpg"),
        by_pillow(pixels, "JPEG", "RGB", progressive=True),
        by_pillow(pixels, "JPEG", "L"),
        by_pillow(pixels, "JPEG", "CMYK"),
        by_pillow(pixels, "JPEG", "RGB", exif=exif),
        coded(pixels, ".png"),
        by_pillow(pixels, "PNG", "RGBA"),
        by_pillow(pixels, "PNG", "P"),
        by_pillow(pixels, "PNG", "L"),
        coded(pixels.astype(np.uint16) * 257, ".png"),
        by_pillow(pixels, "WEBP", "RGB"),
        by_pillow(pixels, "WEBP", "RGB", lossless=True),
        by_pillow(pixels, "WEBP", "RGBA"),
    ]


def good_frames(pixels: Pixels) -> list[pb.Frame]:
    frames = [pb.Frame(encoded=pb.EncodedImage(data=data)) for data in files(pixels)]
    for fmt in (*FORMATS, *PLANAR):
        frames += [raw_frame(pixels, fmt), raw_frame(pixels, fmt, padding=8)]
    return frames


def bad_frames(pixels: Pixels) -> list[pb.Frame]:
    frames = []
    for data in files(pixels):
        for part in (0.15, 0.4, 0.7, 0.95):
            cut = data[: int(len(data) * part)]
            frames.append(pb.Frame(encoded=pb.EncodedImage(data=cut)))
        # Whole to the eye, and damaged in the middle of its pixels.
        middle = len(data) * 2 // 3
        spoiled = data[:middle] + bytes(b ^ 0x5A for b in data[middle : middle + 9])
        frames.append(pb.Frame(encoded=pb.EncodedImage(data=spoiled + data[middle + 9 :])))
    for fmt in (*FORMATS, *PLANAR):
        for short in (1, 100):
            frame = raw_frame(pixels, fmt)
            frame.raw.data = frame.raw.data[:-short]
            frames.append(frame)
        for stride in (1, PIXEL_BYTES[fmt] * WIDTH - 2, PIXEL_BYTES[fmt] * WIDTH + 64):
            frame = raw_frame(pixels, fmt)
            frame.raw.layout.row_stride_bytes = stride
            frames.append(frame)
    return frames


# -- pipelines ---------------------------------------------------------------------------------


def op(**kind: Any) -> pb.Op:
    return pb.Op(**kind)


def outputs() -> list[pb.Output]:
    """Every encoding, every format to leave in, every operation."""
    shapes: list[list[pb.Op]] = [
        *([op(convert=pb.Convert(format=fmt))] for fmt in FORMATS),
        [op(resize=pb.Resize(width=40, height=40, fit=pb.FIT_CONTAIN, pad_rgb=0x010203))],
        [op(resize=pb.Resize(width=40, height=40, fit=pb.FIT_COVER))],
        [op(resize=pb.Resize(width=192, height=128, interpolation=pb.INTERPOLATION_CUBIC))],
        [op(crop=pb.Crop(x=3, y=5, width=30, height=20)), op(rotate=pb.Rotate(degrees=90))],
        [op(rotate=pb.Rotate(degrees=180)), op(flip=pb.Flip(horizontal=True, vertical=True))],
        [op(blur=pb.Blur(sigma=2)), op(convert=pb.Convert(format=pb.PIXEL_FORMAT_GRAY8))],
        [op(resize=pb.Resize(width=320, height=320)), custom("nothing")],
    ]
    found = [
        pb.Output(name=f"{number} {encoding}", ops=ops, encoding=encoding)
        for number, ops in enumerate(shapes)
        for encoding in (pb.ENCODING_RAW, pb.ENCODING_JPEG, pb.ENCODING_PNG, pb.ENCODING_WEBP)
    ]
    for fmt in PLANAR:
        ops = [
            op(resize=pb.Resize(width=WIDTH, height=HEIGHT)),
            op(convert=pb.Convert(format=fmt)),
        ]
        found.append(pb.Output(name=f"planar {fmt}", ops=ops, encoding=pb.ENCODING_RAW))
    return found


def pipelines() -> list[pb.Pipeline]:
    every = outputs()
    return [
        pb.Pipeline(outputs=every[first : first + 16], decode_mode=mode)
        for first in range(0, len(every), 16)
        for mode in (pb.DECODE_MODE_FAST, pb.DECODE_MODE_EXACT)
    ]


def said(stub: FrameServiceStub, pipeline: pb.Pipeline, frames: list[pb.Frame]) -> list[bytes]:
    """What a client is told of each frame, without the times."""
    found = []
    for first in range(0, len(frames), 8):
        request = pb.ProcessBatchRequest(pipeline=pipeline, frames=frames[first : first + 8])
        for result in stub.ProcessBatch(request, timeout=60).results:
            result.ClearField("timings")
            result.ClearField("received_at_ns")
            found.append(result.SerializeToString(deterministic=True))
    return found


@contextlib.contextmanager
def two_servers(folder: Path, level: str) -> Iterator[tuple[Running, Running]]:
    env = {"FRAMESRV_POOL_DEBUG": level}
    with serving(folder, env=env) as first, serving(folder, env=env) as second:
        yield first, second


@pytest.mark.parametrize("level", ["off", "poison"])
def test_not_one_byte_of_another_client_comes_back(tmp_path: Path, level: str) -> None:
    theirs = good_frames(marked(WIDTH, HEIGHT))
    mine = modest(WIDTH, HEIGHT)
    frames = [*good_frames(mine), *bad_frames(mine)]
    failed = whole = 0
    seen = False
    with (
        two_servers(tmp_path, level) as (used, clean),
        connected(used.address) as marking,
        connected(used.address) as stub,
        connected(clean.address) as reference,
    ):
        for pipeline in pipelines():
            first = said(marking, pipeline, theirs)
            seen = seen or MARKS in b"".join(first)
            got = said(stub, pipeline, frames)
            want = said(reference, pipeline, frames)
            for number, (result, expected) in enumerate(zip(got, want, strict=True)):
                assert MARKS not in result, f"frame {number} shows the other client's pixels"
                assert result == expected, f"frame {number} is answered differently"
                status = pb.FrameResult.FromString(result).status
                whole += status == pb.FRAME_STATUS_OK
                failed += status == pb.FRAME_STATUS_FAILED
        assert seen, "the mark is one that would be seen"
    assert whole >= len(pipelines()) * len(theirs)
    assert failed > 0
    print(f"{level}: {whole} frames answered, {failed} refused")


@pytest.mark.parametrize("level", ["off", "poison"])
def test_streams_of_two_clients_side_by_side(tmp_path: Path, level: str) -> None:
    """Both at once, on the same workers, each in its own shape of the same buffers."""
    theirs = good_frames(marked(WIDTH, HEIGHT))
    mine = modest(WIDTH, HEIGHT)
    frames = [*good_frames(mine), *bad_frames(mine)[::7]]
    pipeline = pipelines()[0]
    with (
        two_servers(tmp_path, level) as (used, clean),
        connected(used.address) as marking,
        connected(used.address) as stub,
        connected(clean.address) as reference,
        ThreadPoolExecutor(2) as pool,
    ):
        want = said(reference, pipeline, frames)
        for _ in range(5):
            noise = [pool.submit(said, marking, pipeline, theirs) for _ in range(2)]
            assert said(stub, pipeline, frames) == want
            for each in noise:
                each.result(60)
