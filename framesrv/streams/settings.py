"""How many streams and subscribers there may be, and how much is kept for them."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class StreamSettings:
    max_in_flight_frames: int = field(
        default=64,
        metadata={"help": "of one stream", "least": 1, "most": 100_000},
    )
    max_streams: int = field(
        default=1024,
        metadata={"help": "open at once", "least": 1, "most": 100_000},
    )
    max_result_bytes: int = field(
        default=4 * 1024 * 1024 - 64 * 1024,
        metadata={
            "help": "of one answer message of a stream: stock clients refuse more than 4 MiB",
            "least": 1024,
            "most": 1 << 30,
        },
    )


@dataclass(frozen=True, slots=True)
class FanOutSettings:
    max_subscribers: int = field(
        default=1024,
        metadata={"help": "open at once", "least": 1, "most": 100_000},
    )
    queue_frames: int = field(
        default=16,
        metadata={
            "help": "of each stream, how far a subscriber may be behind that asks for nothing else",
            "least": 1,
            "most": 4096,
        },
    )
    max_queue_frames: int = field(
        default=256,
        metadata={"help": "the same for one that asks", "least": 1, "most": 4096},
    )
    buffer_bytes: int = field(
        default=128 * MIB,
        metadata={
            "help": "of all published frames that are kept for subscribers; the frames of the "
            "largest stream fall out first",
            "least": MIB,
        },
    )
    max_merges: int = field(
        default=16,
        metadata={
            "help": "different merges at once; those who ask alike share one",
            "least": 1,
            "most": 1024,
        },
    )
    merge_bytes: int = field(
        default=32 * MIB,
        metadata={
            "help": "of the frames in one merge's windows; with more, the oldest window is over",
            "least": MIB,
        },
    )
    stall_s: float = field(
        default=10.0,
        metadata={
            "help": "a subscriber that takes nothing for so long is ended",
            "least": 0.1,
            "most": 3600,
        },
    )
