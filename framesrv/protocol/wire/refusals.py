"""The google.rpc.Status that a refused call carries in its trailers.

Written without protobuf: a server with too much to do refuses thousands of calls a second, and
protobuf gives the whole C heap back to the kernel after every ten thousand messages it has freed.
"""

from __future__ import annotations

from typing import Final

from framesrv.errors import Reason
from framesrv.protocol.status import CODES, DOMAIN
from framesrv.protocol.wire.results import duration
from framesrv.protocol.wire.varints import message_field, number_field, text_field

_TYPES: Final = "type.googleapis.com/google.rpc."


def rich_status(reason: Reason, message: str, retry_after_s: float | None = None) -> bytes:
    """With an ErrorInfo, and a RetryInfo where there is a time to come again.

    >>> from framesrv.protocol.status import read_rich_status
    >>> read_rich_status(rich_status(Reason.QUEUE_FULL, "the queue is full", 0.25))
    RichStatus(reason='QUEUE_FULL', message='the queue is full', retry_after_s=0.25)
    """
    info = text_field(b"\x0a", reason.value) + text_field(b"\x12", DOMAIN)
    status = number_field(b"\x08", CODES[reason]) + text_field(b"\x12", message)
    status += message_field(b"\x1a", _any("ErrorInfo", info))
    if retry_after_s is not None:
        delay = duration(max(0, round(retry_after_s * 1e9)))
        status += message_field(b"\x1a", _any("RetryInfo", message_field(b"\x0a", delay)))
    return status


def _any(name: str, data: bytes) -> bytes:
    return text_field(b"\x0a", _TYPES + name) + message_field(b"\x12", data)
