"""How a request ends that is not served: a clear text for whoever sent it, a line in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import PlainTextResponse, Response

log = logging.getLogger("framesrv.http")

EVENT: Final = "an HTTP request was refused"
_PATH_MAX: Final = 200
_METHOD_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    reason: str  # of a closed set: the log is limited by it
    text: str
    headers: Mapping[str, str] | None = None


def refused(scope: Any, refusal: Refusal) -> Response:
    tell(scope, refusal)
    return PlainTextResponse(f"{refusal.text}\n", refusal.status, refusal.headers)


def tell(scope: Any, refusal: Refusal) -> None:
    log.warning(
        EVENT,
        extra={
            "reason": refusal.reason,
            "status": refusal.status,
            "method": clipped(scope["method"], _METHOD_MAX),
            "path": clipped(scope["path"], _PATH_MAX),
            "peer": peer_of(scope),
        },
    )


def peer_of(scope: Any) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def clipped(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."
