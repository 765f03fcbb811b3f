"""Broken images and hostile messages: no crash, no hang, only what the error table knows.

FRAMESRV_HOSTILE says how many of each (300). The full counts are 100,000 mutated images, 50,000
cut ones and 100,000 messages.
"""

from __future__ import annotations

import io
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.duration_pb2 import Duration
from PIL import Image
from props import (
    Running,
    as_it_is,
    bytes_call,
    bytes_stream,
    channel,
    coded,
    connected,
    custom,
    dice,
    encoded,
    of_call,
    of_frame,
    picture,
    raw,
    serving,
)

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.status import CODES

COUNT = int(os.environ.get("FRAMESRV_HOSTILE", "300"))
CALL_S_MAX = 1.0  # of the server's processor time
THREADS = 2
TABLE = {
    (code.name, str(reason))
    for reason, number in CODES.items()
    for code in grpc.StatusCode
    if code.value[0] == number
} - {("INTERNAL", "INTERNAL")}
SEED = int(os.environ.get("FRAMESRV_SEED", "1"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """With caps at which no single frame is much work, so that a long call is a hang."""
    with serving(
        tmp_path,
        images={"max_pixels": 1 << 20, "max_side_pixels": 4096},
        pipeline={"max_output_pixels": 1 << 18, "max_side_pixels": 2048},
        processors=[],
        env={"FRAMESRV_POOL_DEBUG": "poison"},
    ) as found:
        yield found


# -- checks ------------------------------------------------------------------------------------


class Watch:
    """Says what a good frame must give, and how long the longest call took the server."""

    def __init__(self, server: Running) -> None:
        self.server = server
        self.outcomes: Counter[str] = Counter()
        self.longest_s = 0.0
        with connected(server.address) as stub:
            self.good = stub.ProcessBatch(_GOOD, timeout=60).results[0].outputs[0].data

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def call(self, line: grpc.Channel, data: bytes) -> None:
        before = self.cpu_s()
        unary = bytes_call(line, "ProcessBatch")
        try:
            answer = pb.ProcessBatchResponse.FromString(unary(data, timeout=60))
        except grpc.RpcError as error:
            self.check_call(error, data)
        else:
            self.check(answer.results, data)
        self.longest_s = max(self.longest_s, self.cpu_s() - before)

    def stream(self, line: grpc.Channel, *messages: bytes) -> None:
        before = self.cpu_s()
        call = bytes_stream(line)
        try:
            for data in call(iter(messages), timeout=60):
                self.check(pb.ProcessStreamResponse.FromString(data).results.results, messages[-1])
        except grpc.RpcError as error:
            self.check_call(error, messages[-1])
        self.longest_s = max(self.longest_s, self.cpu_s() - before)

    def check_call(self, error: grpc.RpcError, data: bytes) -> None:
        told = of_call(error)
        assert (told.code, told.reason) in TABLE, (told, data.hex())
        self.outcomes[f"call {told.reason}"] += 1

    def check(self, results: Any, data: bytes) -> None:
        for result in results:
            if result.status == pb.FRAME_STATUS_OK:
                assert result.outputs
                self.outcomes["ok"] += 1
            else:
                told = of_frame(result)
                assert (told.code, told.reason) in TABLE, (told, data.hex())
                assert not result.outputs
                self.outcomes[told.reason] += 1

    def check_good(self, line: grpc.Channel) -> None:
        unary = bytes_call(line, "ProcessBatch")
        answer = pb.ProcessBatchResponse.FromString(unary(_GOOD.SerializeToString(), timeout=60))
        assert answer.results[0].outputs[0].data == self.good


_GOOD = pb.ProcessBatchRequest(frames=[encoded(coded(picture(64, 48), ".png"))])


def assault(server: Running, count: int, one: Callable[[Watch, grpc.Channel, int], None]) -> None:
    """``one`` so many times, from a few clients; a good frame now and then."""
    watch = Watch(server)
    began = time.monotonic()
    lock = threading.Lock()
    numbers = iter(range(count))

    def client(_: int) -> None:
        with channel(server.address) as line:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    break
                one(watch, line, number)
                if number % 50 == 0:
                    watch.check_good(line)
            watch.check_good(line)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(client, range(THREADS)))
    stats = server.settled()
    print(
        f"{count} in {time.monotonic() - began:.0f} s, longest call {watch.longest_s:.2f} s, "
        f"{dict(watch.outcomes.most_common())}, {stats['timeouts']}"
    )
    assert watch.longest_s < CALL_S_MAX
    assert stats["workers_lost"] == 0


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [mutated, cut])
def test_broken_images(
    server: Running, kind: str, change: Callable[[random.Random, bytes], bytes]
) -> None:
    def one(watch: Watch, line: grpc.Channel, number: int) -> None:
        chance = dice(f"{SEED} {change.__name__} {number}")
        watch.call(line, images(chance, kind, change))

    share = COUNT if change is mutated else COUNT // 2
    assault(server, -(-share // (8 * len(ORIGINALS))), one)


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


def test_hostile_messages(server: Running) -> None:
    def one(watch: Watch, line: grpc.Channel, number: int) -> None:
        chance = dice(f"{SEED} h {number}")
        if number % 4:
            watch.call(line, hostile(chance, BATCHES))
        elif number % 8:
            watch.stream(line, OPEN, STREAMS[2], hostile(chance, STREAMS))
        else:
            watch.stream(line, hostile(chance, STREAMS))

    assault(server, COUNT, one)


def test_the_worst_messages_one_by_one(server: Running) -> None:
    """Those that are as large or as many as they may be."""
    watch = Watch(server)
    mib = 1024 * 1024
    worst = [
        b"\x22\x00" * (60 * mib // 2),
        b"\x0a\x00" * (60 * mib // 2),
        b"\xf8\x01\x01" * (60 * mib // 3),
        b"\x13" * (60 * mib),
        b"\x13\x14" * (30 * mib),
        b"\x0a" + varint(60 * mib) + b"x" * (60 * mib),
        b"\x1a" + varint(60 * mib) + b"\xc3\xa9" * (30 * mib),
        b"\x12" + varint(60 * mib) + b"\x0a\x00" * (30 * mib),
        b"\x22" + varint(60 * mib) + b"\x22\x00" * (30 * mib),
        b"\x12\x00" * 2 + b"\x22\x00" * (60 * mib // 2),
    ]
    with channel(server.address) as line:
        for data in worst:
            watch.call(line, data)
            watch.check_good(line)
    server.settled()
    assert watch.outcomes.total() >= len(worst)
    assert watch.longest_s < CALL_S_MAX
