"""How much an engine takes on."""

from __future__ import annotations

from dataclasses import dataclass, field

from framesrv.engine.cores import usable_cores


@dataclass(frozen=True, slots=True)
class EngineSettings:
    workers: int = field(
        default_factory=usable_cores,
        metadata={
            "help": "threads that work on pixels; more than cores make nothing faster",
            "least": 1,
            "most": 256,
        },
    )
    max_in_flight_frames: int = field(
        default=1024,
        metadata={
            "help": "frames of all calls together, admitted and not yet done",
            "least": 1,
            "most": 1_000_000,
        },
    )
    max_in_flight_bytes: int = field(
        default=256 * 1024 * 1024,
        metadata={"help": "their bytes, as they came", "least": 1024 * 1024},
    )
    max_wait_s: float = field(
        default=0.5,
        metadata={
            "help": "how long a call may have to wait for a worker before it is refused at once; "
            "0: as long as it takes",
            "least": 0,
            "most": 600,
        },
    )
    overload_wait_s: float = field(
        default=0.05,
        metadata={
            "help": "the same while most calls are being refused: a long queue would make all late",
            "least": 0,
            "most": 600,
        },
    )
    pool_wait_s: float = field(
        default=1.0,
        metadata={"help": "how long a job waits for its buffers", "least": 0, "most": 600},
    )
    retry_after_s: float = field(
        default=0.1,
        metadata={"help": "what a refused client is told, at least", "least": 0.001, "most": 600},
    )
