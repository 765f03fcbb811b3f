"""What a pipeline may ask for; advertised to clients and enforced before any buffer is borrowed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PipelineLimits:
    max_outputs: int = field(
        default=16,
        metadata={"help": "of one pipeline", "least": 1, "most": 1024},
    )
    max_ops: int = field(default=32, metadata={"help": "of one output", "least": 1, "most": 1024})
    max_output_pixels: int = field(
        default=16_777_216,
        metadata={
            "help": "of every picture on the way, the last included",
            "least": 1,
            "most": 16_777_216,
        },
    )
    max_side_pixels: int = field(
        default=8_192,
        metadata={"help": "a side of each of them", "least": 1, "most": 8_192},
    )
    default_quality: int = field(
        default=85,
        metadata={"help": "of JPEG and WebP where nothing is said", "least": 1, "most": 100},
    )
