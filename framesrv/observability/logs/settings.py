"""How much is logged, and in which form."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    AUTO = "auto"
    JSON = "json"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class LogSettings:
    level: LogLevel = field(
        default=LogLevel.INFO, metadata={"help": "the least that is logged, to stderr"}
    )
    format: LogFormat = field(
        default=LogFormat.AUTO,
        metadata={
            "help": "json: an object a line; human: for reading; auto: human where stderr is a "
            "terminal, else json"
        },
    )
