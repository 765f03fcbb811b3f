"""The merges that somebody watches: those who ask alike share one."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from framesrv.streams.dispatcher import too_many
from framesrv.streams.merger import Merger
from framesrv.streams.viewer import Viewer

Over = Callable[[], None]


class Merged(NamedTuple):
    """Windows and frames since the start."""

    complete: int = 0
    incomplete: int = 0
    undrawn: int = 0  # left out: nobody could draw them in time
    late_frames: int = 0  # whose window was over without them

    def __add__(self, other: tuple[object, ...]) -> Merged:
        return Merged(*(a + b for a, b in zip(self, other, strict=True)))  # type: ignore[operator]


class Merges:
    """Used by the thread of the dispatcher; any other may ask ``merged``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._mergers: dict[Hashable, Merger] = {}
        self._before = Merged()  # of those that are over
        self._told = Merged()  # counts that never fall

    def __len__(self) -> int:
        return len(self._mergers)

    def join(
        self,
        asked: Hashable,
        make: Callable[[Over], Merger],
        queue_windows: int,
        wake: Callable[[], None],
    ) -> Viewer:
        """Raises Refused if it would be one too many."""
        merger = self._mergers.get(asked)
        if merger is None:
            if len(self) >= self._most:
                raise too_many(f"{self._most} merges are made and the server allows no more")
            merger = self._mergers[asked] = make(lambda: self._over(asked))
        return merger.join(queue_windows, wake)

    def merged(self) -> Merged:
        found = self._before  # first, see ``_over``
        for merger in list(self._mergers.values()):
            found += _counts(merger)
        self._told = Merged(*map(max, self._told, found))
        return self._told

    def _over(self, asked: Hashable) -> None:
        # In this order: who counts meanwhile may count too little, and never twice.
        merger = self._mergers.pop(asked)
        self._before += _counts(merger)


def _counts(merger: Merger) -> Merged:
    return Merged(
        merger.complete_windows,
        merger.incomplete_windows,
        merger.undrawn_windows,
        merger.windows.late_frames,
    )
