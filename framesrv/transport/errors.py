"""How a call ends that cannot be served: a status, a text, and details that programs can read."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Final, NoReturn

import grpc

from framesrv.engine.failure import ID_MAX, incident
from framesrv.engine.troubles import Troubles
from framesrv.errors import FramesrvError, Reason, Refused
from framesrv.protocol import status, wire

log = logging.getLogger("framesrv.transport")

TRACEPARENT: Final = "traceparent"
_TRACE_ID: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TEXT_BYTES_MAX: Final = 1000  # sent twice, escaped; clients take 8 KiB of metadata in all
# What gRPC says when it could not send: the client's connection broke in the middle of it.
GONE: Final[type[Exception]] = grpc.aio.InternalError
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


async def refuse(
    context: Any,
    error: BaseException,
    refusals: Troubles,
    *,
    method: str = "",
    stream_id: str = "",
    request_id: str = "",
) -> NoReturn:
    """End the call. What is unexpected is logged whole, and the client told an incident's id.

    A client that is gone is told nothing: the call ends as if it had been cancelled.
    """
    if isinstance(error, GONE):
        raise asyncio.CancelledError from None
    trace_id = trace_id_of(context)
    ids = {"stream_id": stream_id, "request_id": request_id, "trace_id": trace_id}
    refused = error if isinstance(error, Refused) else _unexpected(error, ids)
    message = clipped(refused.message)
    refusals.note(str(refused.reason), message, **ids)
    code = _CODES[status.code_of(refused.reason)]
    if log.isEnabledFor(logging.INFO):
        fields = {name: text[:ID_MAX] for name, text in ids.items() if text}
        fields |= {"method": method, "peer": context.peer(), "detail": message}
        log.info(
            "call refused",
            extra={"reason": str(refused.reason), "code": code.name, **fields},
        )
    details = wire.rich_status(refused.reason, message, refused.retry_after_s)
    try:
        await context.abort(code, message, trailing_metadata=((status.DETAILS_KEY, details),))
    except GONE:
        raise asyncio.CancelledError from None
    raise AssertionError("abort returned")


def trace_id_of(context: Any) -> str:
    """Of the trace that a call belongs to: the server's own, where it makes spans, or the client's.

    Asked only where there is something to tell.
    """
    own: str = getattr(context, "trace_id", "")
    if own:
        return own
    for name, value in context.invocation_metadata() or ():
        if name == TRACEPARENT and isinstance(value, str):
            found = _TRACE_ID.match(value)
            return found[1] if found else ""
    return ""


def clipped(text: str) -> str:
    """
    >>> clipped("no such output"), len(clipped("é" * 9999).encode())
    ('no such output', 1003)
    """
    data = text.encode()
    if len(data) <= _TEXT_BYTES_MAX:
        return text
    return data[:_TEXT_BYTES_MAX].decode(errors="ignore") + "..."


def _unexpected(error: BaseException, ids: dict[str, str]) -> Refused:
    if isinstance(error, FramesrvError) and error.reason is not Reason.INTERNAL:
        return Refused(error.reason, "the server cannot take this call now; try again later", 0.1)
    return Refused(Reason.INTERNAL, incident("in a call", error, **ids))
