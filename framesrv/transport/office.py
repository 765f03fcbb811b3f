"""What every call needs of the server; made once, by whoever builds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from framesrv.engine.meter import Meter
from framesrv.engine.task import Engine
from framesrv.engine.troubles import Troubles
from framesrv.errors import Reason, Refused
from framesrv.pipeline.plans import Plans
from framesrv.pool import BytesIOPool
from framesrv.streams import Dispatcher, FanOutSettings, StreamRegistry, StreamSettings
from framesrv.transport.reception import Reception
from framesrv.transport.settings import TransportSettings


@dataclass(slots=True)
class Office:
    engine: Engine
    plans: Plans
    reception: Reception
    answers: BytesIOPool
    settings: TransportSettings
    stream_settings: StreamSettings = field(default_factory=StreamSettings)
    fan_out: FanOutSettings = field(default_factory=FanOutSettings)
    meter: Meter = field(default_factory=Meter)  # of frames that no worker ever saw
    refusals: Troubles = field(default_factory=Troubles)  # of whole calls
    streams: StreamRegistry = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    draining: bool = False

    def __post_init__(self) -> None:
        self.streams = StreamRegistry(self.stream_settings.max_streams)
        self.dispatcher = Dispatcher(self.fan_out)

    def check_open(self) -> None:
        if self.draining:
            raise Refused(
                Reason.DRAINING,
                "the server is about to stop and takes no new calls: send to another, or later",
                1.0,
            )
