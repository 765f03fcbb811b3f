"""Frames of several streams that belong to one window of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from framesrv.frames.base import ALONE, PooledRecord, references
from framesrv.frames.faults import Fault


class Fragment(Protocol):
    """A frame in its lease, or one that its holder owns."""

    def clone(self) -> Any: ...


@dataclass(frozen=True, slots=True, eq=False)
class OwnedMergedFrame:
    """A subscriber's clone of a merged frame; see OwnedFrame."""

    merge_id: str
    window_open_ns: int
    window_close_ns: int
    fragments: tuple[Any, ...]  # clones
    complete: bool
    trace_id: str


@dataclass(slots=True, eq=False)
class MergedFrame(PooledRecord):
    """One window's fragments.

    A fragment is still in its lease, or has been cloned already because the window waits
    longer than a lease should be held: a clone of the whole copies either.
    """

    merge_id: str = ""
    window_open_ns: int = 0
    window_close_ns: int = 0
    fragments: list[Fragment] = field(default_factory=list)
    complete: bool = False  # every stream asked for is there
    trace_id: str = ""

    def reset(self) -> None:
        self.merge_id = ""
        self.window_open_ns = 0
        self.window_close_ns = 0
        if references(self.fragments) == ALONE:
            self.fragments.clear()
        else:
            self.fragments = []
        self.complete = False
        self.trace_id = ""

    def faults(self) -> list[Fault]:
        if self.fragments:
            return []
        return [Fault("fragments", self.fragments, "a list of at least 1")]

    def clone(self) -> OwnedMergedFrame:
        """A copy for one subscriber, with every fragment's pixels."""
        return OwnedMergedFrame(
            merge_id=self.merge_id,
            window_open_ns=self.window_open_ns,
            window_close_ns=self.window_close_ns,
            fragments=tuple(fragment.clone() for fragment in self.fragments),
            complete=self.complete,
            trace_id=self.trace_id,
        )
