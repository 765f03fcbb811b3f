"""What a load test does, and how much of it at most."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from framesrv.cli.outcome import Fault

Mode = Literal["unary", "stream"]

SECONDS_MAX: Final = 3600
CALLS_MAX: Final = 4096  # on their way at once, of all senders together
CONNECTIONS_MAX: Final = 256
STREAMS_MAX: Final = 1024
_FIND_FPS: Final = 30.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Senders take turns on the connections. ``fps`` 0: each sends as soon as it is answered."""

    to: str
    mode: Mode = "stream"
    connections: int = 1
    senders: int = 1
    batch: int = 1
    in_flight: int = 2  # messages of a sender without an answer, where it has no pace
    fps: float = 0.0  # frames a second of each sender
    duration_s: float = 10.0
    warmup_s: float = 1.0
    pipeline: str | None = None
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        checks = (
            ("--duration", self.duration_s, 0.1, SECONDS_MAX),
            ("--warmup", self.warmup_s, 0, SECONDS_MAX),
            ("--connections", self.connections, 1, CONNECTIONS_MAX),
            ("--streams", self.senders, 1, STREAMS_MAX),
            ("--batch", self.batch, 1, 4096),
            ("--in-flight", self.in_flight, 1, CALLS_MAX),
            ("--fps", self.fps, 0, 100_000),
        )
        faults = [
            f"{name} must be {least} to {most}, not {value:g}"
            for name, value, least, most in checks
            if not (math.isfinite(value) and least <= value <= most)
        ]
        if self.senders * self.in_flight > CALLS_MAX:
            faults.append(
                f"--streams x --in-flight is {self.senders * self.in_flight} and may be {CALLS_MAX}"
            )
        if faults:
            raise Fault("; ".join(faults))

    @property
    def open_loop(self) -> bool:
        return self.fps > 0

    @property
    def messages_in_flight_max(self) -> int:
        """Of one sender: a bound, also where the load does not wait for answers."""
        return max(1, CALLS_MAX // self.senders) if self.open_loop else self.in_flight

    @property
    def interval_s(self) -> float:
        """Between two messages of a sender."""
        return self.batch / self.fps if self.open_loop else 0.0

    def describe(self) -> str:
        pace = f"{self.fps:g} FPS each, open loop" if self.open_loop else "closed loop"
        many = "senders" if self.mode == "unary" else "streams"
        return (
            f"{self.mode}, {self.senders} {many} on {self.connections} connections, "
            f"batches of {self.batch}, {pace}"
        )


def pace(
    fps: float | None, rate: float | None, streams: int, *, find_streams: bool = False
) -> float:
    """Frames a second of each stream; 0: closed loop.

    >>> pace(None, 300, 10), pace(None, None, 4), pace(None, None, 1, find_streams=True)
    (30.0, 0.0, 30.0)
    """
    for name, value in (("--fps", fps), ("--rate", rate)):
        if value is not None and not (math.isfinite(value) and value > 0):
            raise Fault(f"{name} must be above 0, not {value:g}; leave it away for a closed loop")
    if rate is not None and (fps is not None or find_streams):
        raise Fault("--rate is of all streams together: give it, or --fps, or --find-streams")
    if rate is not None:
        return rate / max(1, streams)
    return fps or (_FIND_FPS if find_streams else 0.0)
