"""What a frame's error says. No path and no exception text leaves the server."""

from __future__ import annotations

import logging
import secrets
import traceback
from typing import Final

from framesrv.errors import FramesrvError, Reason, Refused
from framesrv.frames.work import FrameError, FrameReport

log = logging.getLogger("framesrv.engine")

ID_MAX: Final = 128  # of what a client chose, in a line of the log

# The pool's own messages name buffers and their holders: good for a log, not for a client.
_TEXTS: Final = {
    Reason.POOL_TIMEOUT: "no buffers came free in time; send again later, or fewer at once",
    Reason.MEMORY_BUDGET: "the memory for pictures is all in use; send again later",
    Reason.IMAGE_TOO_LARGE: "the pictures of this job need more memory than the server has for all",
    Reason.DRAINING: "the server is about to stop; send to another, or retry later",
}


def frame_error(
    error: BaseException, retry_after_s: float, about: FrameReport | None = None
) -> FrameError:
    """For the client. What is unexpected is logged whole, under the id that the client is told."""
    if isinstance(error, Refused):
        return FrameError(error.reason, error.message, _ns(error.retry_after_s))
    if isinstance(error, FramesrvError) and error.reason in _TEXTS:
        retry = None if error.reason is Reason.IMAGE_TOO_LARGE else retry_after_s
        return FrameError(error.reason, _TEXTS[error.reason], _ns(retry))
    if isinstance(error, MemoryError):
        return FrameError(Reason.MEMORY_BUDGET, _TEXTS[Reason.MEMORY_BUDGET], _ns(retry_after_s))
    ids = {} if about is None else _ids_of(about)
    return FrameError(Reason.INTERNAL, incident("while a frame was processed", error, **ids))


def incident(where: str, error: BaseException, **ids: str) -> str:
    """Log what is unexpected, whole, under an id; what the client is told names the id alone."""
    number = secrets.token_hex(6)
    known = {name: text[:ID_MAX] for name, text in ids.items() if text}
    log_error(f"incident {number} {where}", error, incident=number, **known)
    return f"a fault of the server, incident {number}: tell its operator"


def log_error(what: str, error: BaseException, **fields: str) -> None:
    """As text: a handler that keeps a traceback would keep the buffers that its frames hold."""
    text = "".join(traceback.format_exception(error)).rstrip()
    # Its place is its caller's: faults of one kind do not take the log's room from another.
    log.error("%s:\n%s", what, text, extra=fields, stacklevel=2)


def _ids_of(report: FrameReport) -> dict[str, str]:
    return {
        "stream_id": report.stream_id,
        "request_id": report.request_id,
        "trace_id": report.trace_id,
    }


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)
