"""One who publishes frames at a steady pace, and how long each takes to be answered."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final, Protocol

from benchmarks.serving import streaming
from benchmarks.serving.handlers import SERVICE
from benchmarks.serving.load import STREAM, channel, until
from framesrv.protocol.gen import frames_pb2 as pb

_PUBLISH: Final = f"/{SERVICE}/Publish"


class Send(Protocol):
    def __call__(self, turn: int, /) -> None:
        """Returns when it is answered."""
        ...


class Publisher:
    def __init__(self, send: Send) -> None:
        self._send = send
        self.sent = 0

    def publish(self, count: int, interval_s: float) -> list[float]:
        """Seconds to each answer; of one that is late to be sent, from when it was due."""
        seconds = []
        due = perf_counter()
        for _ in range(count):
            if perf_counter() < due:
                until(due)
                began = perf_counter()
            else:
                began = due
            self._send(self.sent)
            seconds.append(perf_counter() - began)
            self.sent += 1
            due += interval_s
        return seconds


@contextmanager
def to_framesrv(target: str, frames: Sequence[Any], stream_id: str) -> Iterator[Publisher]:
    """A published stream; it has ended when the block is left."""
    messages = [streaming.batch([frame]) for frame in frames]
    waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    with channel(target) as link:
        stream: Any = link.stream_stream(STREAM)
        answers = stream(iter(waiting.get, None))
        waiting.put(streaming.opening(publish=stream_id))
        next(answers)  # ready

        def send(turn: int) -> None:
            waiting.put(messages[turn % len(messages)])
            for result in pb.ProcessStreamResponse.FromString(next(answers)).results.results:
                if result.status != pb.FRAME_STATUS_OK:
                    raise RuntimeError(f"a frame was not published: {result.error}")

        try:
            yield Publisher(send)
        finally:
            waiting.put(None)
        for _ in answers:
            raise RuntimeError("more answers than frames")


@contextmanager
def to_bare(target: str, messages: Sequence[bytes]) -> Iterator[Publisher]:
    """To the server that does nothing but tell its listeners."""
    with channel(target) as link:
        call: Any = link.unary_unary(_PUBLISH)
        yield Publisher(lambda turn: call(messages[turn % len(messages)]))


def told(target: str, frames: Sequence[Any]) -> list[bytes]:
    """What a subscriber of framesrv gets of these frames, byte by byte."""
    request = pb.SubscribeRequest(stream_ids=["told"], wait=True).SerializeToString()
    with channel(target, -1) as link:
        subscribe: Any = link.unary_stream("/framesrv.v1.FrameService/Subscribe")
        call = subscribe(request)
        call.initial_metadata()
        with to_framesrv(target, frames, "told") as publisher:
            publisher.publish(len(frames), 0.01)
        found: list[bytes] = []
        while len(found) < len(frames):
            message = next(call)
            if pb.SubscribeResponse.FromString(message).HasField("frame"):
                found.append(message)
        call.cancel()
    return found
