"""What a server meets in a day, in rounds of about a second: see ``Mixture.round``.

A round sends the same every time, apart from when it cancels what it cancels. Its frames are
counted against what came back, so that a server which loses one is found out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Event
from time import monotonic
from typing import Any, Final, Self

import cv2
import grpc
import numpy as np

from benchmarks.serving import load, scene, streaming
from benchmarks.serving.processes import started
from framesrv.protocol.gen import frames_pb2 as pb

_BATCH: Final = 25
_SINGLES: Final = 8
_STREAMED: Final = 12
_DYING_EVERY: Final = 10  # rounds: a client's start costs as much as a whole round
_PATIENCE_S: Final = 60.0
_ASK_AGAIN_S: Final = 0.2
_OK, _FAILED = pb.FRAME_STATUS_OK, pb.FRAME_STATUS_FAILED


@dataclass(slots=True)
class Count:
    """Frames of calls that were left to end; ``lost`` are those not answered, once, as expected."""

    sent: int = 0
    lost: int = 0
    full: int = 0  # calls that the server had no room for yet
    refused: int = 0  # calls, as they should be
    cancelled: int = 0  # calls
    died: int = 0  # clients


@dataclass(frozen=True, slots=True)
class Messages:
    """Prepared bytes: the clients share the machine with the servers."""

    batches: Sequence[bytes]  # of 25 JPEGs
    singles: Sequence[bytes]
    stream: Sequence[bytes]  # its opening first
    others: bytes  # sizes, codecs and a pipeline that nobody else uses
    broken: bytes  # one frame of it cannot be read
    wrong: Sequence[bytes]  # calls to refuse


class Mixture:
    """The clients of one server. Used by one thread, between ``with`` and its end."""

    def __init__(self, target: str, messages: Messages) -> None:
        self._target = target
        self._messages = messages
        self._links = [load.channel(target, number) for number in range(2)]
        self.count = Count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for link in self._links:
            link.close()

    def round(self, number: int) -> None:
        """One call after the other: 80 frames to answer, and others whose calls are given up.

        What is in flight at most is so the same in every round, and what the server holds is
        not at the mercy of who happened to meet whom.
        """
        for link in self._links:
            self._batch(link, number)
        self._singles(number)
        with load.channel(self._target, 2 + number % 2) as link:  # one that comes and goes
            self._stream(link)
            self._others(link)
            self._refused(link)
            (self._cancelled_batch if number % 2 else self._cancelled_stream)(link, number // 2)
        if number % _DYING_EVERY == 0:
            self._dying()

    def _batch(self, link: grpc.Channel, number: int) -> None:
        messages = self._messages.batches
        self._take(self._answer(link, messages[number % len(messages)]), [_OK] * _BATCH)

    def _singles(self, number: int) -> None:
        messages, link = self._messages.singles, self._links[0]
        for turn in range(_SINGLES):
            self._take(self._answer(link, messages[(number + turn) % len(messages)]), [_OK])

    def _stream(self, link: grpc.Channel) -> None:
        send: Any = link.stream_stream(load.STREAM)
        results = [
            result
            for data in send(iter(self._messages.stream), timeout=_PATIENCE_S)
            for result in pb.ProcessStreamResponse.FromString(data).results.results
        ]
        self._take(results, [_OK] * _STREAMED)

    def _others(self, link: grpc.Channel) -> None:
        self._take(self._answer(link, self._messages.others), [_OK] * 8)
        self._take(self._answer(link, self._messages.broken), [_OK, _FAILED])

    def _refused(self, link: grpc.Channel) -> None:
        send = _unary(link)
        for message in self._messages.wrong:
            try:
                send(message, timeout=_PATIENCE_S)
            except grpc.RpcError as error:
                _expect(error, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)
                self.count.refused += 1
            else:
                raise RuntimeError("the server took what it should refuse")

    def _cancelled_batch(self, link: grpc.Channel, number: int) -> None:
        """Before, while or after it is worked on."""
        call = _unary(link).future(self._messages.batches[0], timeout=_PATIENCE_S)
        Event().wait(number % 7 / 100)
        call.cancel()
        self.count.cancelled += 1

    def _cancelled_stream(self, link: grpc.Channel, number: int) -> None:
        """In its middle: the client has more to send."""
        ended = Event()

        def endless() -> Iterator[bytes]:
            yield from self._messages.stream
            ended.wait(_PATIENCE_S)

        send: Any = link.stream_stream(load.STREAM)
        stream = send(endless(), timeout=_PATIENCE_S)
        for _ in range(number % 3):
            next(stream)
        stream.cancel()
        ended.set()
        self.count.cancelled += 1

    def _dying(self) -> None:
        with started("-m", "benchmarks.serving.dying", self._target):
            pass  # it is in the middle of its stream, and ends without another word
        self.count.died += 1

    def _answer(self, link: grpc.Channel, message: bytes) -> Sequence[Any]:
        """A server that is full says so at once, and is asked again, as it tells clients to."""
        end = monotonic() + _PATIENCE_S
        while True:
            try:
                return _results(_unary(link)(message, timeout=_PATIENCE_S))
            except grpc.RpcError as error:
                _expect(error, grpc.StatusCode.RESOURCE_EXHAUSTED)
                if monotonic() > end:
                    raise
            self.count.full += 1
            Event().wait(_ASK_AGAIN_S)

    def _take(self, results: Sequence[Any], expected: Sequence[int]) -> None:
        """In the order in which the frames were sent, as the contract promises."""
        self.count.sent += len(expected)
        right = sum(result.status == status for result, status in zip(results, expected))  # noqa: B905
        self.count.lost += max(len(expected), len(results)) - right


def _unary(link: grpc.Channel) -> Any:
    return link.unary_unary(load.BATCH)


def _results(answer: bytes) -> Sequence[Any]:
    return pb.ProcessBatchResponse.FromString(answer).results


def _expect(error: grpc.RpcError, *codes: grpc.StatusCode) -> None:
    code: Callable[[], grpc.StatusCode] = error.code
    if code() not in codes:
        raise error


@cache
def prepared() -> Messages:
    """Rendered once: call it before there are threads that would each do so."""
    frames = load.encoded(scene.frames(_BATCH))
    raw = load.raw(scene.raw_frames(4))
    broken = load.encoded([scene.frames(_BATCH)[0], bytes(50_000)])
    unknown = pb.ProcessBatchRequest(frames=frames[:1], pipeline_name="nobody-made-it")
    empty = pb.ProcessBatchRequest(frames=frames[:1], pipeline=pb.Pipeline())
    return Messages(
        load.batches(frames, _BATCH) + load.batches([*frames[5:], *frames[:5]], _BATCH),
        load.batches(frames, 1),
        [streaming.opening(), *(streaming.batch([frame]) for frame in frames[:_STREAMED])],
        load.batches([*raw, *load.encoded(_odd_pictures())], 8, _pipeline())[0],
        load.batches(broken, 2)[0],
        [b"\xff" * 1000, unknown.SerializeToString(), empty.SerializeToString()],
    )


def _odd_pictures() -> list[bytes]:
    found = []
    for number, (ending, width, height) in enumerate(
        ((".png", 320, 240), (".jpg", 64, 48), (".webp", 333, 217), (".jpg", 1000, 700))
    ):
        noise = np.random.default_rng(number).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        pixels = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        found.append(cv2.imencode(ending, pixels)[1].tobytes())
    return found


def _pipeline() -> pb.Pipeline:
    small = pb.Op(resize=pb.Resize(width=200, height=120, fit=pb.FIT_CONTAIN))
    return pb.Pipeline(
        outputs=[
            pb.Output(name="small", ops=[small], encoding=pb.ENCODING_WEBP),
            pb.Output(name="turned", ops=[small, pb.Op(rotate=pb.Rotate(degrees=90))]),
        ]
    )
