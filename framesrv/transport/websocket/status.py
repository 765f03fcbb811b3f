"""How a call over WebSocket ends: browsers see no trailers, but a last text and a close code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import grpc

from framesrv.errors import Reason
from framesrv.protocol import status

CLOSED_OK: Final = 1000
CLOSED: Final = 4000  # and the gRPC code: what private use is left to
REASON_BYTES_MAX: Final = 123  # of a close frame


@dataclass(frozen=True, slots=True)
class Status:
    """
    >>> full = Status(8, "TOO_MANY_STREAMS", "come back later", 1.0)
    >>> full.text
    '{"code":8,"reason":"TOO_MANY_STREAMS","message":"come back later","retry_after_s":1.0}'
    >>> full.close_code, full.close_reason
    (4008, 'TOO_MANY_STREAMS: come back later')
    >>> Status().close_code, Status().close_reason
    (1000, '')
    """

    code: int = 0  # a google.rpc.Code
    reason: str = ""
    message: str = ""
    retry_after_s: float | None = None

    @property
    def text(self) -> str:
        told = {
            "code": self.code,
            "reason": self.reason,
            "message": self.message,
            "retry_after_s": self.retry_after_s,
        }
        return json.dumps(told, separators=(",", ":"))

    @property
    def close_code(self) -> int:
        return CLOSED + self.code if self.code else CLOSED_OK

    @property
    def close_reason(self) -> str:
        """As much as there is room for."""
        told = ": ".join(part for part in (self.reason, self.message) if part)
        return told.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


def of_reason(reason: Reason, message: str, retry_after_s: float | None = None) -> Status:
    return Status(status.code_of(reason), str(reason), message, retry_after_s)


def of_abort(code: grpc.StatusCode, text: str, trailers: tuple[tuple[str, Any], ...]) -> Status:
    """What a call was aborted with; the reason is in its trailers."""
    reason, retry_after_s = "", None
    for name, value in trailers:
        if name == status.DETAILS_KEY:
            rich = status.read_rich_status(value)
            reason, retry_after_s = rich.reason, rich.retry_after_s
    return Status(code.value[0], reason, text, retry_after_s)
