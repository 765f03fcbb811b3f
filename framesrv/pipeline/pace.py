"""How long frames take of late, so that it can be foreseen how long others will wait."""

from __future__ import annotations

from typing import Final

_NEW: Final = 1 / 8  # the weight of the last ones


class Pace:
    """Of one plan. Workers write it, each as it comes: a value lost now and then does no harm.

    >>> pace = Pace()
    >>> pace.note(0.008); pace.frame_s
    0.008
    >>> pace.note(0.016); pace.frame_s
    0.009
    """

    __slots__ = ("frame_s",)

    def __init__(self) -> None:
        self.frame_s = 0.0  # 0: none was done yet

    def note(self, frame_s: float) -> None:
        old = self.frame_s
        self.frame_s = old + (frame_s - old) * _NEW if old else frame_s
