"""What can go wrong, in words that programs can match on.

Every room may import this module; it imports nothing of ours.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Stable names for faults: they travel to clients and into metrics.

    Each has one status code on the wire, which ``protocol.status`` knows.
    """

    MALFORMED_MESSAGE = "MALFORMED_MESSAGE"
    SHAPE_MISMATCH = "SHAPE_MISMATCH"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    UNSUPPORTED_PAYLOAD = "UNSUPPORTED_PAYLOAD"
    IMAGE_CORRUPT = "IMAGE_CORRUPT"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    TOO_MANY_SCANS = "TOO_MANY_SCANS"
    BAD_GEOMETRY = "BAD_GEOMETRY"
    BAD_STREAM_ID = "BAD_STREAM_ID"
    CRC_MISMATCH = "CRC_MISMATCH"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    RESPONSE_TOO_LARGE = "RESPONSE_TOO_LARGE"
    BAD_PIPELINE = "BAD_PIPELINE"
    UNKNOWN_OP = "UNKNOWN_OP"
    UNKNOWN_PROCESSOR = "UNKNOWN_PROCESSOR"
    UNKNOWN_PIPELINE = "UNKNOWN_PIPELINE"
    UNKNOWN_STREAM = "UNKNOWN_STREAM"
    BAD_CONFIG = "BAD_CONFIG"
    STREAM_NOT_OPEN = "STREAM_NOT_OPEN"
    STREAM_ALREADY_OPEN = "STREAM_ALREADY_OPEN"
    STREAM_TAKEN = "STREAM_TAKEN"
    QUEUE_FULL = "QUEUE_FULL"
    POOL_TIMEOUT = "POOL_TIMEOUT"
    MEMORY_BUDGET = "MEMORY_BUDGET"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    SLOW_CONSUMER = "SLOW_CONSUMER"
    DEADLINE = "DEADLINE"
    DROPPED_BY_POLICY = "DROPPED_BY_POLICY"
    TOO_OLD = "TOO_OLD"
    CLIENT_GONE = "CLIENT_GONE"
    DRAINING = "DRAINING"
    WORKER_LOST = "WORKER_LOST"
    PROCESSOR_FAILED = "PROCESSOR_FAILED"
    INTERNAL = "INTERNAL"


class FramesrvError(Exception):
    """The base of every error that framesrv raises on purpose."""

    reason: Reason = Reason.INTERNAL


class Refused(FramesrvError):
    """A frame or a call that is answered with an error.

    The text goes to the client: it says what was wrong and what to do, and never names a path,
    another client or the text of somebody else's exception.
    """

    def __init__(self, reason: Reason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_after_s = retry_after_s  # set where a retry can help


class BadConfig(FramesrvError, ValueError):
    """Settings that cannot work; the message lists every fault at once."""

    reason = Reason.BAD_CONFIG


class InvalidRecord(FramesrvError, ValueError):
    """A record that breaks the rules of its kind; the message lists every fault at once."""
