"""A line when a stream is opened, and one when it ends, with what became of its frames."""

from __future__ import annotations

import logging
from time import monotonic_ns
from typing import Final

from framesrv.engine.failure import ID_MAX
from framesrv.errors import Reason
from framesrv.streams import DropPolicy
from framesrv.streams.tally import StreamTally
from framesrv.transport.errors import GONE

_log: Final = logging.getLogger("framesrv.streams")

COMPLETED: Final = "completed"  # the client said that there is no more, and all was answered
CANCELLED: Final = "cancelled"  # the client went away, or the grace was over


def opened(tally: StreamTally, policy: DropPolicy, peer: str, trace_id: str) -> None:
    if _log.isEnabledFor(logging.INFO):
        _log.info(
            "stream opened",
            extra=_ids(tally, peer, trace_id)
            | {
                "window": tally.window,
                "drop_policy": policy.name.lower(),
                "published": tally.published,
            },
        )


def ended(tally: StreamTally, how: str, peer: str, trace_id: str) -> None:
    if _log.isEnabledFor(logging.INFO):
        _log.info(
            "stream ended",
            extra=_ids(tally, peer, trace_id)
            | {
                "how": how,
                "lasted_s": round((monotonic_ns() - tally.opened_ns) / 1e9, 3),
                "received": tally.received,
                **tally.answered._asdict(),
            },
        )


def how_it_failed(error: BaseException) -> str:
    return CANCELLED if isinstance(error, GONE) else str(getattr(error, "reason", Reason.INTERNAL))


def _ids(tally: StreamTally, peer: str, trace_id: str) -> dict[str, object]:
    ids: dict[str, object] = {"stream_id": tally.stream_id[:ID_MAX], "peer": peer}
    return ids | {"trace_id": trace_id} if trace_id else ids
