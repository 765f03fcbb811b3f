"""Broken images and hostile messages: made by chance from good ones, the same for each seed."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
from google.protobuf.duration_pb2 import Duration
from pictures import as_it_is, coded, custom, encoded, picture, raw
from PIL import Image

from framesrv.protocol.gen import frames_pb2 as pb

# -- images ------------------------------------------------------------------------------------


def saved(kind: str, mode: str = "RGB", **settings: Any) -> bytes:
    store = io.BytesIO()
    Image.fromarray(picture(48, 32)).convert(mode).save(store, kind, **settings)
    return store.getvalue()


def originals(kind: str) -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind == "JPEG":
        return [
            saved("JPEG"),
            saved("JPEG", progressive=True),
            saved("JPEG", "L"),
            saved("JPEG", "CMYK"),
            saved("JPEG", exif=exif, subsampling=0),
            saved("JPEG", restart_marker_blocks=2),
        ]
    if kind == "PNG":
        deep = coded((picture(48, 32).astype(np.uint16) * 257), ".png")
        return [
            saved("PNG"),
            saved("PNG", "RGBA"),
            saved("PNG", "P"),
            saved("PNG", "L"),
            saved("PNG", "1"),
            saved("PNG", exif=exif),
            deep,
        ]
    frames = [Image.fromarray(picture(48, 32, seed)) for seed in range(3)]
    animated = io.BytesIO()
    frames[0].save(animated, "WEBP", save_all=True, append_images=frames[1:])
    return [
        saved("WEBP"),
        saved("WEBP", lossless=True),
        saved("WEBP", "RGBA"),
        saved("WEBP", exif=exif),
        animated.getvalue(),
    ]


ORIGINALS = {kind: originals(kind) for kind in ("JPEG", "PNG", "WEBP")}
KINDS = ["JPEG", "WEBP", "PNG"]
PIPELINES = [
    as_it_is(),
    as_it_is(pb.ENCODING_JPEG),
    pb.Pipeline(
        outputs=[
            pb.Output(ops=[pb.Op(resize=pb.Resize(width=12))], encoding=pb.ENCODING_WEBP),
            pb.Output(name="b", ops=[pb.Op(rotate=pb.Rotate(degrees=90))]),
        ]
    ),
]


def mutated(chance: random.Random, data: bytes) -> bytes:
    """Bytes changed, taken out, put in, doubled or swapped: one to eight times."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        # Headers are where it hurts, and are a small part of a file.
        end = len(out) if chance.random() < 0.5 else min(len(out), 80)
        at, length = chance.randrange(max(1, end)), chance.randint(1, 8)
        match chance.randrange(6):
            case 0:
                out[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                out[at : at + length] = chance.randbytes(length)
            case 2:
                del out[at : at + length]
            case 3:
                out[at:at] = chance.randbytes(length)
            case 4:
                out[at:at] = out[at : at + length * 8]
            case _:
                worst = chance.choice(
                    [b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x80\x00\x00\x00"]
                )
                out[at : at + 4] = worst
    return bytes(out)


def images(
    chance: random.Random, kind: str, change: Callable[[random.Random, bytes], bytes]
) -> bytes:
    frames = [encoded(change(chance, chance.choice(ORIGINALS[kind]))) for _ in range(8)]
    return pb.ProcessBatchRequest(
        pipeline=chance.choice(PIPELINES), frames=frames
    ).SerializeToString()


def cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


# -- messages ----------------------------------------------------------------------------------


def valid_batches() -> list[pb.ProcessBatchRequest]:
    jpeg = ORIGINALS["JPEG"][0]
    every_op = [
        pb.Op(resize=pb.Resize(width=20, height=10, fit=pb.FIT_CONTAIN, pad_rgb=0x102030)),
        pb.Op(crop=pb.Crop(x=1, y=1, width=16, height=8)),
        pb.Op(rotate=pb.Rotate(degrees=90)),
        pb.Op(flip=pb.Flip(horizontal=True)),
        pb.Op(blur=pb.Blur(sigma=1.5)),
        pb.Op(convert=pb.Convert(format=pb.PIXEL_FORMAT_RGBA32)),
    ]
    return [
        pb.ProcessBatchRequest(request_id="r", frames=[encoded(jpeg, 5, trace_id="t")]),
        pb.ProcessBatchRequest(
            pipeline=as_it_is(pb.ENCODING_PNG, *every_op), frames=[encoded(jpeg)]
        ),
        pb.ProcessBatchRequest(pipeline_name="none", frames=[encoded(jpeg, crc32c=7)]),
        pb.ProcessBatchRequest(pipeline=as_it_is(0, custom("none", a="b"))),
        pb.ProcessBatchRequest(frames=[raw(bytes(96), 8, 8, pb.PIXEL_FORMAT_I420)] * 3),
    ]


def valid_streams() -> list[pb.ProcessStreamRequest]:
    batches = valid_batches()
    opens: list[Any] = [
        pb.StreamConfig(stream_id="s", pipeline=as_it_is(), drop_policy=pb.DROP_POLICY_OLDEST),
        pb.StreamConfig(max_in_flight_frames=3, max_age=Duration(seconds=5), publish=True),
    ]
    return [
        *(pb.ProcessStreamRequest(open=config) for config in opens),
        *(pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=b.frames)) for b in batches),
    ]


BATCHES: list[bytes] = [m.SerializeToString() for m in valid_batches()]
STREAMS: list[bytes] = [m.SerializeToString() for m in valid_streams()]
OPEN = pb.ProcessStreamRequest(open=pb.StreamConfig()).SerializeToString()


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def nested(chance: random.Random) -> bytes:
    """Messages in messages, or groups in groups, that end or do not."""
    depth = chance.choice([3, 50, 99, 100, 101, 500, 5000])
    tag = chance.choice([0x0A, 0x12, 0x22, 0x2A, 0x7A])
    if chance.random() < 0.5:
        data = b""
        for _ in range(depth):
            data = bytes([tag]) + varint(len(data)) + data
        return data
    field = chance.randint(1, 15)
    return bytes([field << 3 | 3]) * depth + bytes([field << 3 | 4]) * (
        depth - chance.choice([0, 0, 1])
    )


def huge(chance: random.Random) -> bytes:
    """Numbers and lengths that are far too large."""
    tag = bytes([chance.choice([0x08, 0x0A, 0x10, 0x12, 0x18, 0x1A, 0x22, 0x2A, 0x3D, 0x39, 0x7A])])
    number = chance.choice(
        [varint(2**31 - 1), varint(2**32 - 1), varint(2**63), b"\xff" * 9 + b"\x01", b"\xff" * 11]
    )
    return chance.choice([b"", *BATCHES]) + tag + number + chance.randbytes(chance.randint(0, 9))


def many(chance: random.Random) -> bytes:
    """A great number of small things."""
    piece = chance.choice([b"\x22\x00", b"\x0a\x00", b"\x12\x00", b"\x12\x02\x0a\x00", b"\x48\x01"])
    return piece * chance.choice([65, 1000, 60_000])


def twice(chance: random.Random, valid: list[bytes]) -> bytes:
    """One after the other: a message that protobuf merges."""
    return b"".join(chance.choices(valid, k=2))


def hostile(chance: random.Random, valid: list[bytes]) -> bytes:
    kinds: dict[Callable[[], bytes], float] = {
        lambda: mutated(chance, chance.choice(valid)): 55,
        lambda: cut(chance, chance.choice(valid)): 10,
        lambda: chance.randbytes(chance.choice([1, 5, 30, 300])): 10,
        lambda: twice(chance, valid): 8,
        lambda: huge(chance): 8,
        lambda: nested(chance): 8,
        lambda: many(chance): 1,
    }
    return chance.choices(list(kinds), list(kinds.values()))[0]()
