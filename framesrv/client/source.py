"""Gathers the program's frames into batches; what was taken but not sent is kept for later.

The part that is the same for both clients: they differ in how the next frame is asked for.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Iterator

from framesrv.client.encode import MARGIN_BYTES, EncodedFrame, encode_frame, stream_batch
from framesrv.client.frames import FrameLike
from framesrv.client.limits import MESSAGE_MARGIN_BYTES, Limits


class Gatherer:
    """``limits`` may be set anew when another server is spoken to."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.kept: deque[EncodedFrame] = deque()
        self.ended = False  # no more will come of the program's iterable
        self.fault: BaseException | None = None  # what it, or a frame of it, raised
        self._taken = 0

    @property
    def unsent(self) -> int:
        return len(self.kept)

    def encode(self, frame: FrameLike) -> EncodedFrame:
        """One of the program's frames, which becomes ours."""
        encoded = encode_frame(frame, self._taken)
        self.limits.check([encoded], MESSAGE_MARGIN_BYTES)
        self._taken += 1
        return encoded

    def keep(self, frames: list[EncodedFrame]) -> None:
        """Put back what could not be sent, in its order."""
        for frame in frames:
            frame.freeze()
        self.kept.extendleft(reversed(frames))


class Batch:
    """Frames for one message, up to a number and to the server's limit of bytes."""

    def __init__(self, most: int, limits: Limits) -> None:
        self.frames: list[EncodedFrame] = []
        self._most = most
        self._limits = limits
        self._size = 0

    @property
    def full(self) -> bool:
        return len(self.frames) >= self._most

    def add(self, frame: EncodedFrame) -> bool:
        """Whether it still fitted. The first always does: it was checked alone."""
        size = self._size + frame.size + MARGIN_BYTES
        if self.frames and not self._limits.fits(size):
            return False
        if self._most > 1:
            frame.freeze()  # the program may fill the same array again before this is sent
        self.frames.append(frame)
        self._size = size
        return True

    def message(self) -> bytes:
        return stream_batch(self.frames)


def surely_empty(iterator: object) -> bool:
    """Whether an iterator is known to be at its end without asking it for more.

    >>> surely_empty(iter([])), surely_empty(iter([1])), surely_empty(x for x in [])
    (True, False, False)
    """
    return isinstance(iterator, Iterator) and operator.length_hint(iterator, 1) == 0
