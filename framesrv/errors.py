"""What can go wrong, in words that programs can match on.

Every room may import this module; it imports nothing of ours.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Stable names for faults: they travel to clients and into metrics."""

    POOL_TIMEOUT = "POOL_TIMEOUT"
    MEMORY_BUDGET = "MEMORY_BUDGET"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    DRAINING = "DRAINING"
    BAD_CONFIG = "BAD_CONFIG"
    INTERNAL = "INTERNAL"


class FramesrvError(Exception):
    """The base of every error that framesrv raises on purpose."""

    reason: Reason = Reason.INTERNAL


class BadConfig(FramesrvError, ValueError):
    """Settings that cannot work; the message lists every fault at once."""

    reason = Reason.BAD_CONFIG


class InvalidRecord(FramesrvError, ValueError):
    """A record that breaks the rules of its kind; the message lists every fault at once."""
