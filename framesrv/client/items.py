"""What a subscriber gets besides results: merged frames, gaps, events, and a server's goodbye."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from framesrv.client.results import OutputImage, Result, image_of, result_of
from framesrv.protocol.gen import frames_pb2 as pb


@dataclass(frozen=True, slots=True)
class MergedFrame:
    """What several streams showed in one span of time: of each that is there, one frame."""

    merge_id: str
    window_open_ns: int
    window_close_ns: int
    complete: bool  # every stream asked for is there
    fragments: tuple[Result, ...]
    mosaic: OutputImage | None  # where one was asked for

    def of(self, stream_id: str) -> Result | None:
        """The fragment of one stream; None if the window has none."""
        return next((each for each in self.fragments if each.stream_id == stream_id), None)


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames that this subscriber was too slow to take, or that came into no window of a merge."""

    stream_id: str
    dropped_frames: int


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """A publisher came or went. The subscription stays for the next one."""

    stream_id: str
    state: Literal["started", "ended"]


@dataclass(frozen=True, slots=True)
class GoAway:
    """The server will close soon; ``ServerDraining`` is raised when it does."""

    reason: str
    grace_s: float


Item = Result | MergedFrame | Gap | StreamEvent | GoAway


def item_of(message: pb.SubscribeResponse) -> Item | None:
    """None for what a newer server may send besides, which is not for us."""
    kind = message.WhichOneof("message")
    if kind == "frame":
        return result_of(message.frame)
    if kind == "merged":
        return _merged(message.merged)
    if kind == "gap":
        return Gap(message.gap.stream_id, message.gap.dropped_frames)
    if kind == "event":
        return _event(message.event)
    if kind == "go_away":
        return GoAway(message.go_away.reason, message.go_away.grace.ToNanoseconds() / 1e9)
    return None


def _merged(merged: pb.MergedFrame) -> MergedFrame:
    return MergedFrame(
        merged.merge_id,
        merged.window_open_ns,
        merged.window_close_ns,
        merged.complete,
        tuple(result_of(each) for each in merged.fragments),
        image_of(merged.mosaic) if merged.HasField("mosaic") else None,
    )


def _event(event: pb.StreamEvent) -> StreamEvent | None:
    if event.state == pb.StreamEvent.STATE_STARTED:
        return StreamEvent(event.stream_id, "started")
    if event.state == pb.StreamEvent.STATE_ENDED:
        return StreamEvent(event.stream_id, "ended")
    return None
