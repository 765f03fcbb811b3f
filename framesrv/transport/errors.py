"""How a call ends that cannot be served: a status, a text, and details that programs can read."""

from __future__ import annotations

from typing import Any, Final, NoReturn

import grpc

from framesrv.engine.failure import incident
from framesrv.engine.troubles import Troubles
from framesrv.errors import FramesrvError, Reason, Refused
from framesrv.protocol import status, wire

_TEXT_BYTES_MAX: Final = 1000  # sent twice, escaped; clients take 8 KiB of metadata in all
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


async def refuse(
    context: Any,
    error: BaseException,
    refusals: Troubles,
    *,
    stream_id: str = "",
    request_id: str = "",
) -> NoReturn:
    """End the call. What is unexpected is logged whole, and the client told an incident's id."""
    refused = error if isinstance(error, Refused) else _unexpected(error)
    message = clipped(refused.message)
    refusals.note(str(refused.reason), message, stream_id=stream_id, request_id=request_id)
    details = wire.rich_status(refused.reason, message, refused.retry_after_s)
    await context.abort(
        _CODES[status.code_of(refused.reason)],
        message,
        trailing_metadata=((status.DETAILS_KEY, details),),
    )
    raise AssertionError("abort returned")


def clipped(text: str) -> str:
    """
    >>> clipped("no such output"), len(clipped("é" * 9999).encode())
    ('no such output', 1003)
    """
    data = text.encode()
    if len(data) <= _TEXT_BYTES_MAX:
        return text
    return data[:_TEXT_BYTES_MAX].decode(errors="ignore") + "..."


def _unexpected(error: BaseException) -> Refused:
    if isinstance(error, FramesrvError) and error.reason is not Reason.INTERNAL:
        return Refused(error.reason, "the server cannot take this call now; try again later", 0.1)
    return Refused(Reason.INTERNAL, incident("in a call", error))
