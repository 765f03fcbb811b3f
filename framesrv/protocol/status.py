"""Reasons and gRPC status codes, and the details that an error carries in its trailers.

The server writes with ``wire.rich_status``, the client reads with ``read_rich_status``; the bytes
travel under the metadata key ``DETAILS_KEY``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from framesrv.errors import Reason

DETAILS_KEY: Final = "grpc-status-details-bin"
DOMAIN: Final = "framesrv"

# The numbers of google.rpc.Code. Each reason stands in one line only.
_REASONS: Final[Mapping[int, tuple[Reason, ...]]] = MappingProxyType(
    {
        1: (Reason.CLIENT_GONE,),  # CANCELLED
        3: (  # INVALID_ARGUMENT
            Reason.MALFORMED_MESSAGE,
            Reason.SHAPE_MISMATCH,
            Reason.UNSUPPORTED_FORMAT,
            Reason.IMAGE_CORRUPT,
            Reason.IMAGE_TOO_LARGE,
            Reason.TOO_MANY_SCANS,
            Reason.BAD_GEOMETRY,
            Reason.BAD_STREAM_ID,
            Reason.BATCH_TOO_LARGE,
            Reason.BAD_PIPELINE,
            Reason.BAD_CONFIG,
        ),
        4: (Reason.DEADLINE, Reason.TOO_OLD),  # DEADLINE_EXCEEDED
        5: (  # NOT_FOUND
            Reason.UNKNOWN_PROCESSOR,
            Reason.UNKNOWN_PIPELINE,
            Reason.UNKNOWN_STREAM,
        ),
        6: (Reason.STREAM_TAKEN,),  # ALREADY_EXISTS
        8: (  # RESOURCE_EXHAUSTED
            Reason.RESPONSE_TOO_LARGE,
            Reason.QUEUE_FULL,
            Reason.POOL_TIMEOUT,
            Reason.MEMORY_BUDGET,
            Reason.TOO_MANY_STREAMS,
            Reason.SLOW_CONSUMER,
        ),
        9: (Reason.STREAM_NOT_OPEN, Reason.STREAM_ALREADY_OPEN),  # FAILED_PRECONDITION
        10: (Reason.DROPPED_BY_POLICY,),  # ABORTED
        12: (  # UNIMPLEMENTED
            Reason.UNSUPPORTED_PAYLOAD,
            Reason.UNKNOWN_OP,
        ),
        13: (Reason.PROCESSOR_FAILED, Reason.INTERNAL),  # INTERNAL
        14: (Reason.DRAINING, Reason.WORKER_LOST),  # UNAVAILABLE
        15: (Reason.CRC_MISMATCH,),  # DATA_LOSS
    }
)
CODES: Final[Mapping[Reason, int]] = MappingProxyType(
    {reason: code for code, reasons in _REASONS.items() for reason in reasons}
)


def code_of(reason: Reason) -> int:
    """
    >>> code_of(Reason.QUEUE_FULL)
    8
    """
    return CODES[reason]


class RichStatus(NamedTuple):
    reason: str  # a text: a newer server may have reasons that this client does not know
    message: str
    retry_after_s: float | None


def read_rich_status(data: bytes) -> RichStatus:
    """What can be understood of it: a proxy may have put anything there."""
    reason, message, retry_after_s = "", "", None
    try:
        status = Status.FromString(data)
        message = status.message
        for detail in status.details:
            info, retry = ErrorInfo(), RetryInfo()
            if detail.Unpack(info):
                reason = info.reason if info.domain == DOMAIN else reason
            elif detail.Unpack(retry):
                delay = retry.retry_delay
                retry_after_s = delay.seconds + delay.nanos / 1e9
    except DecodeError:
        pass
    return RichStatus(reason, message, retry_after_s)
