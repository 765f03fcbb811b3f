"""Publishers and subscribers of a stock client, and an account of what a subscriber was told."""

from __future__ import annotations

from collections import Counter
from typing import Any

import grpc
from pictures import JPEG, as_it_is, encoded
from props import PATIENCE_S
from stock_client import Stream, Told, of_call

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

STARTED, ENDED = pb.StreamEvent.STATE_STARTED, pb.StreamEvent.STATE_ENDED


class Publisher:
    """A stream that is published; its frames are numbered from 1."""

    def __init__(self, stub: FrameServiceStub, stream_id: str, first: int = 1, **config: Any):
        config.setdefault("pipeline", as_it_is(pb.ENCODING_JPEG))
        self.stream = Stream(stub, stream_id=stream_id, publish=True, **config)
        self.stream.ready()
        self.next = first

    def send(self, count: int = 1, data: bytes = JPEG, **fields: Any) -> None:
        """Frames, whose answers are waited for: they have been published then."""
        frames = [encoded(data, self.next + n, **fields) for n in range(count)]
        self.next += count
        self.stream.batch(*frames)
        for result in self.stream.results(count):
            assert data == b"junk" or result.status == pb.FRAME_STATUS_OK, result.error

    def end(self) -> None:
        self.stream.half_close()
        self.stream.rest()


class Subscriber:
    """Reads when it is told to; what it has read adds up, or it complains at once."""

    def __init__(self, stub: FrameServiceStub, *ids: str, **asked: Any) -> None:
        self.call = stub.Subscribe(pb.SubscribeRequest(stream_ids=ids, **asked), timeout=PATIENCE_S)
        self.delivered: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self.last: dict[str, int] = {}  # the sequence of the last frame
        self._gap: Counter[str] = Counter()  # told, and not yet followed by a frame

    def taken(self) -> Subscriber:
        """The server has taken it: whatever is published from here on is for it."""
        self.call.initial_metadata()
        return self

    def read(self) -> pb.SubscribeResponse:
        message: pb.SubscribeResponse = next(self.call)
        kind = message.WhichOneof("message")
        if kind == "gap":
            assert message.gap.dropped_frames > 0
            self.missed[message.gap.stream_id] += message.gap.dropped_frames
            self._gap[message.gap.stream_id] += message.gap.dropped_frames
        elif kind == "frame":
            self._frame(message.frame)
        elif kind == "merged":
            for fragment in message.merged.fragments:
                self._frame(fragment)
        return message

    def _frame(self, frame: pb.FrameResult) -> None:
        assert frame.status == pb.FRAME_STATUS_OK
        stream, number = frame.stream_id, frame.sequence
        gap = self._gap.pop(stream, 0)
        if stream in self.last:
            assert number == self.last[stream] + 1 + gap, "a gap is exact"
        self.last[stream] = number
        self.delivered[stream] += 1

    def until(self, stream_id: str, number: int) -> Subscriber:
        """Up to the frame of this number, delivered or missed."""
        while self.last.get(stream_id, 0) < number:
            self.read()
        return self

    def until_ended(self, *stream_ids: str) -> Subscriber:
        left = set(stream_ids)
        while left:
            message = self.read()
            if message.HasField("event") and message.event.state == ENDED:
                left.discard(message.event.stream_id)
        return self

    def told_of(self, stream_id: str) -> int:
        """The number of the last frame that it got or that it knows it missed."""
        return self.last[stream_id] + self._gap[stream_id]

    def frames(self, count: int) -> list[pb.FrameResult]:
        found: list[pb.FrameResult] = []
        while len(found) < count:
            message = self.read()
            if message.HasField("frame"):
                found.append(message.frame)
        return found

    def end(self) -> Told | None:
        """How the call ends, after all that is left of it; None: with OK."""
        try:
            while True:
                self.read()
        except StopIteration:
            return None
        except grpc.RpcError as error:
            return of_call(error)
