"""What a subscriber is told: frames, how many it missed, who came and went."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Clone:
    """What subscribers get of a frame: bytes of the heap that all of them share, in no pool."""

    __slots__ = (
        "__weakref__", "captured_at_ns", "forms", "message", "received_at_ns", "stream_id",
    )  # fmt: skip

    def __init__(
        self, stream_id: str, message: bytes, captured_at_ns: int = 0, received_at_ns: int = 0
    ) -> None:
        self.stream_id = stream_id
        self.message = message  # as it is sent to those who want all of it
        self.captured_at_ns = captured_at_ns  # 0: unknown
        self.received_at_ns = received_at_ns
        # The message with some of the outputs only; changed by Forms, which counts their bytes.
        self.forms: dict[tuple[str, ...], bytes] = {}

    @property
    def nbytes(self) -> int:
        return len(self.message)

    def clone(self) -> Clone:
        """One for all: nothing of it can be changed."""
        return self


class MergedClone:
    """What subscribers of a merge get of a window."""

    __slots__ = ("decided", "held", "message")

    def __init__(self, message: bytes, held: frozenset[str], decided: dict[str, int]) -> None:
        self.message = message
        self.held = held  # the streams that have a frame in it
        self.decided = decided  # of each stream, its frames that were, up to this window

    @property
    def nbytes(self) -> int:
        return len(self.message)


class Gap(NamedTuple):
    """Frames that this subscriber was too slow to take."""

    stream_id: str
    frames: int


class State(IntEnum):
    """The numbers are the wire's."""

    STARTED = 1
    ENDED = 2


class Event(NamedTuple):
    """A publisher came or went."""

    stream_id: str
    state: State
