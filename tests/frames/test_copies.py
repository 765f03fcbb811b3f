"""Every place where a picture is copied says so, and what is worked on in place does not."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest

from framesrv.frames import CanonicalFrame, Encoding, copies
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.ops.crop import Crop
from framesrv.ops.resize import Fit, Resize
from framesrv.pipeline.spec import DecodeMode, OutputSpec, PipelineSpec
from framesrv.pool import ArrayPool
from tests.engine.rigs import Incoming, Rig, jpeg, picture, rig

BGR = Incoming(picture().tobytes(), layout=ImageLayout(64, 48, PixelFormat.BGR24))
JPEG = Incoming(jpeg())


@contextmanager
def copied(**expected: int) -> Iterator[None]:
    before = copies.counts()
    yield
    more = {where: count - before[where] for where, count in copies.counts().items()}
    assert more == {"wire": 0, "codec": 0, "clone": 0} | expected


def run(engine: Rig, frame: Incoming, *ops: Any, encoding: Encoding = Encoding.JPEG) -> None:
    outputs = (OutputSpec("out", ops, encoding, 0),)
    plan = engine.plans.find(PipelineSpec(outputs, DecodeMode.EXACT))
    (seen,) = engine.run([frame], plan)
    assert seen.reason is None, seen.message


@pytest.mark.parametrize("frame", [BGR, JPEG], ids=["raw", "jpeg"])
def test_in_a_pipeline(frame: Incoming) -> None:
    crop, smaller = Crop(2, 2, 20, 20), Resize(32, 24)
    padded = Resize(64, 64, fit=Fit.CONTAIN)  # no scaling, but bars
    raw = Encoding.RAW
    of_a_view = 1 if frame is BGR else 0  # raw BGR is looked at where the payload lies
    with rig(workers=1) as engine:
        for ops, encoding, expected in (
            ((smaller,), Encoding.JPEG, 0),
            ((smaller,), raw, 0),
            ((), Encoding.PNG, of_a_view),
            ((), raw, of_a_view),
            ((crop,), Encoding.JPEG, 1),
            ((crop,), raw, 1),
            ((crop, smaller), Encoding.WEBP, 0),
            ((padded,), raw, 1),
        ):
            with copied(codec=expected):
                run(engine, frame, *ops, encoding=encoding)


def test_an_output_that_outgrows_its_buffer_once() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    frame = Incoming(noise.tobytes(), layout=ImageLayout(700, 700, PixelFormat.BGR24))
    with rig(workers=1) as engine:
        quality = PipelineSpec((OutputSpec("out", (), Encoding.PNG, 0),), DecodeMode.EXACT)
        plan = engine.plans.find(quality)
        with copied(codec=2):  # the payload is packed for the encoder, and the output moved
            assert engine.run([frame], plan)[0].reason is None


def test_a_png_with_compressed_texts() -> None:
    ok, data = cv2.imencode(".png", picture())
    assert ok
    plain = data.tobytes()
    after_header = 8 + 25
    body = b"zTXta\0\0" + zlib.compress(b"a text")
    text = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    with rig(workers=1) as engine:
        with copied():
            run(engine, Incoming(plain), Resize(32, 24))
        with copied(codec=1):
            run(
                engine, Incoming(plain[:after_header] + text + plain[after_header:]), Resize(32, 24)
            )


def test_a_clone() -> None:
    with ArrayPool("pixels", shape=(48, 64, 3), capacity=1) as pool, pool.acquire() as lease:
        layout = ImageLayout(64, 48, PixelFormat.BGR24)
        frame = CanonicalFrame(ingested_at_ns=1, layout=layout, pixels=lease)
        with copied(clone=1):
            clone = frame.clone()
        with copied(clone=1):
            clone.clone()
        frame.reset()
