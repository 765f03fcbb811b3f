"""What every call needs of the server; made once, by whoever builds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from framesrv import codecs
from framesrv.engine.chore import Chore
from framesrv.engine.meter import Meter
from framesrv.engine.task import Engine
from framesrv.engine.troubles import Troubles
from framesrv.errors import Reason, Refused
from framesrv.frames import MergedFrame
from framesrv.pipeline.plans import Plans
from framesrv.pool import BytesIOPool, RecordPool
from framesrv.streams import Dispatcher, FanOutSettings, StreamRegistry, StreamSettings
from framesrv.streams.merges import Merges
from framesrv.transport.goodbyes import Goodbyes
from framesrv.transport.reception import Reception
from framesrv.transport.settings import TransportSettings


def _merged_frames() -> RecordPool[MergedFrame]:
    return RecordPool("merged_frame", MergedFrame, capacity=1)


def _nobody_does(_: Chore) -> bool:
    return False


@dataclass(slots=True)
class Office:
    engine: Engine
    plans: Plans
    reception: Reception
    answers: BytesIOPool
    settings: TransportSettings
    stream_settings: StreamSettings = field(default_factory=StreamSettings)
    fan_out: FanOutSettings = field(default_factory=FanOutSettings)
    merged_frames: RecordPool[MergedFrame] = field(default_factory=_merged_frames)
    images: codecs.Limits = field(default_factory=codecs.Limits)
    chores: Callable[[Chore], bool] = _nobody_does
    meter: Meter = field(default_factory=Meter)  # of frames that no worker ever saw
    refusals: Troubles = field(default_factory=Troubles)  # of whole calls
    streams: StreamRegistry = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    goodbyes: Goodbyes = field(init=False)
    merges: Merges = field(init=False)
    draining: bool = False

    def __post_init__(self) -> None:
        self.streams = StreamRegistry(self.stream_settings.max_streams)
        self.dispatcher = Dispatcher(self.fan_out)
        self.goodbyes = Goodbyes(self.dispatcher)
        self.merges = Merges(self.fan_out.max_merges)

    def check_open(self) -> None:
        if self.draining:
            raise Refused(
                Reason.DRAINING,
                "the server is about to stop and takes no new calls: send to another, or later",
                1.0,
            )
