"""Openings of JPEGs that were read before.

A camera's frames all begin with the same bytes: its tables, its size, the header of the one scan
that brings everything. Where those are known already, comparing them is cheaper than reading.
"""

from __future__ import annotations

from typing import Final

from framesrv.codecs.header import Header
from framesrv.codecs.limits import Limits

_BYTES_MAX: Final = 4096  # a longer one holds a thumbnail or a profile, as a rule its own
_KEPT: Final = 16


class Openings:
    """Shared by all threads: what is looked at is replaced as a whole, never changed.

    >>> from framesrv.frames.source import Codec
    >>> openings, header = Openings(), Header(Codec.JPEG, 4, 2)
    >>> openings.remember(memoryview(b"opening, then pixels"), 7, Limits(), header)
    >>> openings.find(memoryview(b"opening, then others"), Limits()) == header
    True
    >>> openings.find(memoryview(b"openinG, then others"), Limits()) is None
    True
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes, Limits], Header] = {}
        self._lengths: tuple[int, ...] = ()

    def find(self, payload: memoryview, limits: Limits) -> Header | None:
        for length in self._lengths:
            if header := self._known.get((bytes(payload[:length]), limits)):
                return header
        return None

    def remember(self, payload: memoryview, length: int, limits: Limits, header: Header) -> None:
        """All that ``header`` says follows from the first ``length`` bytes."""
        if length > _BYTES_MAX:
            return
        kept = list(self._known.items())[-(_KEPT - 1) :]
        known = dict([*kept, ((bytes(payload[:length]), limits), header)])
        self._known = known
        self._lengths = tuple({len(opening) for opening, _ in known})
