"""How long frames take of late, so that it can be foreseen how long others will wait."""

from __future__ import annotations

from typing import Final

_NEW: Final = 1 / 8  # the weight of the last ones
_SIZES: Final = 40  # by powers of two; the last is for all that is larger
_JUMP: Final = 8.0  # one task, however odd, does not make frames look slower by more


class Pace:
    """Of one plan, by the size of its frames: large ones say little about small ones.

    Workers write it, each as it comes: a value lost now and then does no harm.

    >>> pace = Pace()
    >>> pace.note(100_000, 0.008); pace.frame_s(100_000), pace.frame_s(90_000), pace.frame_s(100)
    (0.008, 0.008, 0.0)
    >>> pace.note(100_000, 0.024); pace.frame_s(100_000)
    0.01
    """

    __slots__ = ("_frame_s",)

    def __init__(self) -> None:
        self._frame_s = [0.0] * _SIZES

    def frame_s(self, nbytes: int) -> float:
        """What a frame of so many bytes takes; 0 if none was done yet."""
        return self._frame_s[_size(nbytes)]

    def note(self, nbytes: int, frame_s: float) -> None:
        size = _size(nbytes)
        old = self._frame_s[size]
        if old:
            frame_s = old + (min(frame_s, old * _JUMP) - old) * _NEW
        self._frame_s[size] = frame_s


def _size(nbytes: int) -> int:
    return min(nbytes.bit_length(), _SIZES - 1)
