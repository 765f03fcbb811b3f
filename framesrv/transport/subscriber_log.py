"""A line when somebody subscribes, and one when that ends, with what it missed."""

from __future__ import annotations

import logging
from time import monotonic_ns
from typing import Any, Final

from framesrv.protocol import wire
from framesrv.transport.errors import trace_id_of

_log: Final = logging.getLogger("framesrv.streams")


def subscribed(asked: wire.SubscribeAsked, context: Any) -> int:
    """When it began, for ``ended``."""
    if _log.isEnabledFor(logging.INFO):
        streams: object = len(asked.stream_ids) or "all"
        fields = {"streams": streams, "merge": asked.merge is not None, "wait": asked.wait}
        _log.info("subscribed", extra=fields | _ids(context))
    return monotonic_ns()


def ended(how: str, begun_ns: int, messages: int, dropped_frames: int, context: Any) -> None:
    if _log.isEnabledFor(logging.INFO):
        _log.info(
            "subscription ended",
            extra={
                "how": how,
                "lasted_s": round((monotonic_ns() - begun_ns) / 1e9, 3),
                "messages": messages,
                "dropped_frames": dropped_frames,
                **_ids(context),
            },
        )


def _ids(context: Any) -> dict[str, str]:
    trace_id = trace_id_of(context)
    return {"peer": context.peer()} | ({"trace_id": trace_id} if trace_id else {})
