"""From what gRPC says of a failed call to an exception of ours."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from grpc import StatusCode

from framesrv.client.errors import CallFailed, kind_of
from framesrv.protocol.status import DETAILS_KEY, read_rich_status

_NOBODY = (
    ("connection refused", "connection refused"),
    ("no such file", "no such socket"),
    ("dns resolution failed", "the name cannot be resolved"),
    ("name resolution", "the name cannot be resolved"),
)


class Failure(Protocol):
    """What both of gRPC's errors can tell, the sync and the async."""

    def code(self) -> StatusCode: ...
    def details(self) -> str | None: ...
    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


def call_failed(target: str, error: Any, timeout_s: float | None = None) -> CallFailed:
    failure: Failure = error
    code, details = failure.code(), failure.details() or ""
    reason, message, retry_after_s = _rich(failure.trailing_metadata())
    hint = ""
    if not reason:
        message, hint = _explain(target, code, message or details, timeout_s)
    kind = kind_of(code, reason, retry_after_s)
    return kind(code, reason, message, hint, retry_after_s)


def _rich(
    trailers: Iterable[tuple[str, str | bytes]] | None,
) -> tuple[str, str, float | None]:
    for key, value in trailers or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return read_rich_status(value)
    return "", "", None


def _explain(
    target: str, code: StatusCode, details: str, timeout_s: float | None
) -> tuple[str, str]:
    """A message and a hint for what gRPC itself found out."""
    if code is StatusCode.UNAVAILABLE:
        return _unreachable(target, details)
    if code is StatusCode.DEADLINE_EXCEEDED:
        waited = f" within {timeout_s:g} s" if timeout_s is not None else " in time"
        return f"no answer from {target}{waited}", "give more time, or send less at once"
    if code is StatusCode.RESOURCE_EXHAUSTED and "larger than max" in details:
        return details, "send fewer frames in a batch, or encode them"
    if code is StatusCode.UNIMPLEMENTED:
        return details, f"is it a framesrv that listens at {target}?"
    return details or f"the call to {target} failed", ""


def _unreachable(target: str, details: str) -> tuple[str, str]:
    low = details.lower()
    for sign, why in _NOBODY:
        if sign in low:
            what = f"no framesrv at {target} ({why})"
            return f"{what}: start one with `framesrv serve`, or check the address", ""
    if "handshak" in low or "ssl" in low or "certificate" in low:
        return f"no secure connection to {target}: {details}", "check tls_ca, tls_cert and tls_key"
    return f"the connection to {target} failed: {details}", "is the server up, and is it TLS?"
