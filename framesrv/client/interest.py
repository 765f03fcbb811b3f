"""How a subscription is asked for: which streams, how much of them, and whether they are merged."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from framesrv.client.names import ENCODINGS, number_of
from framesrv.client.pipelines import UINT32_MAX
from framesrv.protocol.gen import frames_pb2 as pb


@dataclass(frozen=True)
class Mosaic:
    """One picture of all streams of a window, in the order in which they were named.

    ``columns`` 0: as square as can be. ``alone``: the fragments come without their own pictures.
    """

    width: int = 1280
    height: int = 720
    columns: int = 0
    encoding: str | None = None
    alone: bool = False

    def __post_init__(self) -> None:
        _whole("width", self.width, 1)
        _whole("height", self.height, 1)
        _whole("columns", self.columns, 0)
        number_of("encoding", self.encoding, ENCODINGS)

    def to_proto(self) -> pb.Mosaic:
        message = pb.Mosaic(
            columns=self.columns, width=self.width, height=self.height, alone=self.alone
        )
        message.encoding = number_of("encoding", self.encoding, ENCODINGS)  # type: ignore[assignment]
        return message


@dataclass(frozen=True)
class Merge:
    """What several streams captured within the same ``length_s``, together: the newest of each.

    ``lateness_s`` is how long a window waits for stragglers. One that is complete does not wait.
    """

    length_s: float
    lateness_s: float = 0.3
    mosaic: Mosaic | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.length_s) and self.length_s > 0):
            raise ValueError(f"length_s must be above 0, not {self.length_s!r}")
        if not (math.isfinite(self.lateness_s) and self.lateness_s >= 0):
            raise ValueError(f"lateness_s must be 0 or more, not {self.lateness_s!r}")

    def to_proto(self) -> pb.MergeWindow:
        message = pb.MergeWindow()
        message.length.FromNanoseconds(round(self.length_s * 1e9))
        message.lateness.FromNanoseconds(round(self.lateness_s * 1e9))
        if self.mosaic is not None:
            message.mosaic.CopyFrom(self.mosaic.to_proto())
        return message


@dataclass(frozen=True)
class Interest:
    """The arguments of ``subscribe()``; see there."""

    stream_ids: tuple[str, ...] = ()
    all_streams: bool = False
    outputs: Iterable[str] = ()
    queue_frames: int | None = None
    wait: bool = False
    merge: Merge | None = None

    def __post_init__(self) -> None:
        for each in self.stream_ids:
            if not isinstance(each, str):
                raise TypeError(f"a stream's id is a text, not {each!r}: subscribe(*ids)")
        _distinct("a stream's id", self.stream_ids)
        # Not by leaving them out: a program whose list happens to be empty would get everything.
        if self.all_streams == bool(self.stream_ids):
            raise ValueError("name the streams, or ask for all_streams=True; not both")
        if self.merge is not None and self.all_streams:
            raise ValueError("a merge needs its streams by name: all_streams has no end of them")
        if isinstance(self.outputs, str):
            raise TypeError(f"outputs are a list of names: [{self.outputs!r}]")
        object.__setattr__(self, "outputs", tuple(self.outputs))
        _distinct("an output's name", tuple(self.outputs))
        if self.queue_frames is not None:
            _whole("queue_frames", self.queue_frames, 1)

    def to_proto(self) -> pb.SubscribeRequest:
        return pb.SubscribeRequest(
            stream_ids=self.stream_ids,
            output_names=self.outputs,
            queue_frames=self.queue_frames or 0,
            merge=self.merge.to_proto() if self.merge is not None else None,
            wait=self.wait,
        )


def _whole(what: str, number: int, least: int) -> None:
    sound = isinstance(number, int) and not isinstance(number, bool)
    if not sound or not least <= number <= UINT32_MAX:
        raise ValueError(f"{what} must be a whole number, {least} or more, not {number!r}")


def _distinct(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not name:
            raise ValueError(f"{what} is empty")
        if names.count(name) > 1:
            raise ValueError(f"{what} is there twice: {name!r}")
