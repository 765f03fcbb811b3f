"""What a client sends: prepared bytes over stock gRPC, so that it costs the machine little."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, Final

import grpc

from benchmarks.crew import run_together
from benchmarks.serving import streaming
from framesrv.protocol.gen import frames_pb2 as pb

BATCH: Final = "/framesrv.v1.FrameService/ProcessBatch"
STREAM: Final = "/framesrv.v1.FrameService/ProcessStream"
Options = Sequence[tuple[str, int]]
OPTIONS: Final[Options] = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)


def channel(target: str, number: int = 0) -> grpc.Channel:
    """One connection; others get one of their own by another number."""
    return grpc.insecure_channel(target, options=[*OPTIONS, ("benchmark.connection", number)])


def encoded(frames: Sequence[bytes], first: int = 0) -> list[Any]:
    return [
        pb.Frame(sequence=first + number, encoded=pb.EncodedImage(data=data))
        for number, data in enumerate(frames)
    ]


def raw(frames: Sequence[bytes], width: int = 640, height: int = 360) -> list[Any]:
    layout = pb.ImageLayout(width=width, height=height, format=pb.PIXEL_FORMAT_BGR24)
    return [
        pb.Frame(sequence=number, raw=pb.RawImage(layout=layout, data=data))
        for number, data in enumerate(frames)
    ]


def batches(frames: Sequence[Any], size: int, pipeline: Any = None) -> list[bytes]:
    """ProcessBatchRequests of ``size`` frames each, as bytes."""
    return [
        pb.ProcessBatchRequest(frames=frames[at : at + size], pipeline=pipeline).SerializeToString()
        for at in range(0, len(frames), size)
    ]


@dataclass(slots=True)
class Tally:
    """What came back."""

    frames: int = 0
    failed: int = 0
    seconds: list[float] = field(default_factory=list)  # from the sending to the answer
    elapsed_s: float = 0.0

    def check(self) -> None:
        if self.failed or not self.frames:
            raise RuntimeError(f"{self.failed} of {self.frames} frames failed")


def closed_loop(target: str, messages: Sequence[bytes], calls: int, connections: int = 1) -> Tally:
    """Unary calls, one after the other on each connection; ``calls`` in all."""
    tally = Tally()
    lock = threading.Lock()
    numbers = iter(range(calls))

    def one(number: int) -> None:
        with channel(target, number) as link:
            send: Any = link.unary_unary(BATCH)
            while True:
                with lock:
                    turn = next(numbers, None)
                if turn is None:
                    return
                began = perf_counter()
                answer = send(messages[turn % len(messages)])
                took = perf_counter() - began
                with lock:
                    _count(tally, pb.ProcessBatchResponse.FromString(answer).results)
                    tally.seconds.append(took)

    began = perf_counter()
    run_together([partial(one, number) for number in range(connections)])
    tally.elapsed_s = perf_counter() - began
    return tally


def streamed(
    target: str,
    frames: Sequence[Any],
    count: int,
    *,
    window: int = 8,
    number: int = 0,
    size: int = 1,
    interval_s: float = 0.0,
) -> Tally:
    """One stream: ``window`` messages ahead of the answers, or one every ``interval_s``."""
    tally = Tally()
    messages = [
        streaming.batch([frames[(at + k) % len(frames)] for k in range(size)])
        for at in range(0, len(frames), size)
    ]
    room = threading.Semaphore(window)
    sent: deque[float] = deque()

    def requests() -> Iterator[bytes]:
        yield streaming.opening()
        began = perf_counter()
        for turn in range(count // size):
            if interval_s:
                until(began + turn * interval_s)
            else:
                room.acquire()
            sent.append(perf_counter())
            yield messages[turn % len(messages)]

    left = 0
    with channel(target, number) as link:
        stream: Any = link.stream_stream(STREAM)
        for data in stream(requests()):
            results = pb.ProcessStreamResponse.FromString(data).results.results
            _count(tally, results)
            left += len(results)
            while left >= size:
                left -= size
                tally.seconds.append(perf_counter() - sent.popleft())
                room.release()
    return tally


def streams(target: str, frames: Sequence[Any], number: int, count: int) -> Tally:
    """So many streams at once, ``count`` frames in all, no two of them in flight on one."""
    tallies: list[Tally] = []
    each = max(1, count // number)

    def one(which: int) -> None:
        tallies.append(streamed(target, frames, each, window=1, number=which % 8))

    run_together([partial(one, which) for which in range(number)])
    return Tally(sum(tally.frames for tally in tallies), sum(tally.failed for tally in tallies))


def _count(tally: Tally, results: Any) -> None:
    for result in results:
        tally.frames += 1
        tally.failed += result.status != pb.FRAME_STATUS_OK


def until(moment: float) -> None:
    pause = threading.Event()
    while (left := moment - perf_counter()) > 0:
        pause.wait(left)
