"""What went wrong last, by reason: for those who watch a server."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable
from dataclasses import dataclass
from time import time_ns
from typing import Final

_ID_MAX: Final = 128  # of what a client chose, and may have chosen to be long
_TEXT_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last one of a reason, in the words that its client was told."""

    reason: str
    text: str
    at_ns: int  # of the clock that clients know
    stream_id: str = ""
    request_id: str = ""
    trace_id: str = ""


class Troubles:
    """Written by one thread only; read by any."""

    def __init__(self) -> None:
        self.counts: Tally[str] = Tally()
        self.last: dict[str, Trouble] = {}  # by reason, so it cannot grow

    def note(
        self,
        reason: str,
        text: str,
        *,
        stream_id: str = "",
        request_id: str = "",
        trace_id: str = "",
    ) -> None:
        self.last[reason] = Trouble(
            reason,
            text[:_TEXT_MAX],
            time_ns(),
            stream_id[:_ID_MAX],
            request_id[:_ID_MAX],
            trace_id[:_ID_MAX],
        )
        self.counts[reason] += 1


def joined(parts: Iterable[Troubles]) -> Troubles:
    """The sums, and the newest of each reason; the parts may go on being written meanwhile."""
    total = Troubles()
    for part in parts:
        for reason, trouble in part.last.copy().items():  # one step: its thread goes on
            total.counts[reason] += part.counts[reason]
            before = total.last.get(reason)
            if before is None or before.at_ns < trouble.at_ns:
                total.last[reason] = trouble
    return total
