"""What a frame's error says. No path and no exception text leaves the server."""

from __future__ import annotations

import logging
import secrets
import traceback
from typing import Final

from framesrv.errors import FramesrvError, Reason, Refused
from framesrv.frames.work import FrameError

log = logging.getLogger("framesrv.engine")

# The pool's own messages name buffers and their holders: good for a log, not for a client.
_TEXTS: Final = {
    Reason.POOL_TIMEOUT: "no buffers came free in time; send again later, or fewer at once",
    Reason.MEMORY_BUDGET: "the memory for pictures is all in use; send again later",
    Reason.IMAGE_TOO_LARGE: "the pictures of this job need more memory than the server has for all",
    Reason.DRAINING: "the server is about to stop; send to another, or retry later",
}


def frame_error(error: BaseException, retry_after_s: float) -> FrameError:
    """For the client. What is unexpected is logged whole, under the id that the client is told."""
    if isinstance(error, Refused):
        return FrameError(error.reason, error.message, _ns(error.retry_after_s))
    if isinstance(error, FramesrvError) and error.reason in _TEXTS:
        retry = None if error.reason is Reason.IMAGE_TOO_LARGE else retry_after_s
        return FrameError(error.reason, _TEXTS[error.reason], _ns(retry))
    if isinstance(error, MemoryError):
        return FrameError(Reason.MEMORY_BUDGET, _TEXTS[Reason.MEMORY_BUDGET], _ns(retry_after_s))
    return FrameError(Reason.INTERNAL, incident("while a frame was processed", error))


def incident(where: str, error: BaseException) -> str:
    """Log what is unexpected, whole, under an id; what the client is told names the id alone."""
    number = secrets.token_hex(6)
    log_error(f"incident {number} {where}", error)
    return f"a fault of the server, incident {number}: tell its operator"


def log_error(what: str, error: BaseException) -> None:
    """As text: a handler that keeps a traceback would keep the buffers that its frames hold."""
    log.error("%s:\n%s", what, "".join(traceback.format_exception(error)).rstrip())


def _ns(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1e9)
