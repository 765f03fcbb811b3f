"""Clones with some of their outputs only: made once for all who ask alike at about one time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import ReferenceType, ref

from framesrv.streams.news import Clone

_KEPT_MAX: Final = 1024  # however small: each keeps the names that were asked for


class Forms:
    """A form is as large as a frame may be, and each subscriber may ask for another: the latest
    are kept, so many bytes of them, and none for longer than its clone."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._kept: deque[tuple[ReferenceType[Clone], tuple[str, ...], int]] = deque()
        self.nbytes = 0  # at most: what has gone with its clone is still in it for a while

    def of(
        self,
        clone: Clone,
        outputs: tuple[str, ...],
        make: Callable[[bytes, tuple[str, ...]], bytes],
    ) -> bytes:
        form = clone.forms.get(outputs)
        if form is None:
            form = make(clone.message, outputs)
            if len(form) <= self._bytes_max:
                self._keep(clone, outputs, form)
        return form

    def _keep(self, clone: Clone, outputs: tuple[str, ...], form: bytes) -> None:
        clone.forms[outputs] = form
        self._kept.append((ref(clone), outputs, len(form)))
        self.nbytes += len(form)
        while self.nbytes > self._bytes_max or len(self._kept) > _KEPT_MAX:
            of, oldest, nbytes = self._kept.popleft()
            self.nbytes -= nbytes
            if (there := of()) is not None:
                del there.forms[oldest]
