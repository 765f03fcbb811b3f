"""How many streams a server carries: doubling until it is too many, then bisecting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from framesrv.cli.load_tally import Tally

_KEPT_UP: Final = 0.98  # of the frames that were due have to come back in time
_FINE: Final = 20  # the answer is exact up to this many streams, and to one part in so many above


@dataclass(frozen=True, slots=True)
class Verdict:
    streams: int
    tally: Tally
    why: str  # it is too many; empty: it is not

    @property
    def passed(self) -> bool:
        return not self.why


def judge(streams: int, tally: Tally, fps: float, p99_ms_max: float) -> Verdict:
    due = streams * fps * tally.seconds
    p99_ms = tally.latency.quantile_s(0.99) * 1e3
    if tally.failed:
        reason, times = tally.reasons.most_common(1)[0]
        why = f"{times} frames failed: {reason}"
    elif tally.answers < _KEPT_UP * due - streams:  # a sender may be a frame short at the end
        why = f"{tally.fps:.0f} of {streams * fps:.0f} FPS came back"
    elif p99_ms > p99_ms_max:
        why = f"p99 {p99_ms:.1f} ms is over {p99_ms_max:g} ms"
    else:
        why = ""
    return Verdict(streams, tally, why)


async def find_streams(
    probe: Callable[[int], Awaitable[Verdict | None]], most: int
) -> Verdict | None:
    """The largest number that passed; None if one stream is too many.

    ``probe`` tries a number and gives None when it was interrupted: then what is known counts.
    """
    best: Verdict | None = None
    streams = 1
    while (verdict := await probe(streams)) is not None and verdict.passed:
        best = verdict
        if streams == most:
            return best
        streams = min(2 * streams, most)
    if verdict is None or best is None:
        return best
    too_many = streams
    while too_many - best.streams > max(1, best.streams // _FINE):
        verdict = await probe((best.streams + too_many) // 2)
        if verdict is None:
            break
        if verdict.passed:
            best = verdict
        else:
            too_many = verdict.streams
    return best
