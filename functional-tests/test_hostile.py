"""Broken images and hostile messages: no crash, no hang, only what the error table knows.

FRAMESRV_HOSTILE says how many of each (300). The full counts are 100,000 mutated images, 50,000
cut ones and 100,000 messages.
"""

from __future__ import annotations

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
import pytest
from hostile_bytes import (
    BATCHES,
    KINDS,
    OPEN,
    ORIGINALS,
    STREAMS,
    cut,
    hostile,
    images,
    mutated,
    varint,
)
from pictures import coded, encoded, picture
from props import Running, dice, serving
from stock_client import bytes_call, bytes_stream, channel, connected, of_call, of_frame

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


# -- attacks -----------------------------------------------------------------------------------


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
