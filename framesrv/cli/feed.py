"""A source's pictures as frames for the client: numbered, encoded, and at their pace."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from itertools import islice
from time import monotonic, time_ns
from typing import Final

import cv2
import numpy as np
import simplejpeg

from framesrv.cli.pictures_in import Picture, Pixels, Source, Unreadable
from framesrv.client import Frame

_LATE_S: Final = 1.0  # more is not caught up with: a burst would help nobody


class Pace:
    """At most so many a second, counted from the first; 0: no limit."""

    def __init__(self, fps: float) -> None:
        self._interval_s = 1 / fps if fps else 0.0
        self._due = 0.0

    def wait_s(self, now: float) -> float:
        """The seconds until the next may go.

        >>> pace = Pace(10)
        >>> [round(pace.wait_s(now), 2) for now in (5.0, 5.02, 5.3, 9.0, 9.0)]
        [0.0, 0.08, 0.0, 0.0, 0.1]
        """
        if not self._due or now - self._due > _LATE_S:
            self._due = now
        wait_s = max(0.0, self._due - now)
        self._due += self._interval_s
        return wait_s


class Feed:
    """Iterated by gRPC's thread, asked and closed by the program's own."""

    def __init__(
        self, source: Source, *, fps: float, frames_max: int, quality: int, raw: bool
    ) -> None:
        self.unreadable: deque[Unreadable] = deque()
        self.bytes_out = 0
        self._source = source
        self._pace = Pace(fps)
        self._frames_max = frames_max
        self._quality = quality
        self._raw = raw
        self._handed_over: dict[int, float] = {}  # the number of frames in flight bounds it
        self._stop = threading.Event()
        self._busy = threading.Lock()  # held while a picture is made

    def __iter__(self) -> Iterator[Frame]:
        pictures = islice(self._source.pictures(), self._frames_max or None)
        for number in range(self._frames_max or 2**63):
            if self._stop.wait(self._pace.wait_s(monotonic())):
                return
            made = self._next(number, pictures)
            if made is None:
                return
            if isinstance(made, Unreadable):
                self.unreadable.append(made)
                continue
            self._handed_over[number] = monotonic()
            yield made

    def latency_s(self, sequence: int) -> float | None:
        """From handing a frame to the client until now; once for each."""
        began = self._handed_over.pop(sequence, None)
        return None if began is None else monotonic() - began

    def close(self) -> None:
        """When it returns, nobody is at the source or will be.

        A thread of gRPC's that is inside of OpenCV when the interpreter ends takes the process
        down with it ("terminate called without an active exception").
        """
        self._stop.set()
        self._source.close()
        with self._busy:
            return

    def _next(
        self, number: int, pictures: Iterator[Picture | Unreadable]
    ) -> Frame | Unreadable | None:
        with self._busy:
            picture = None if self._stop.is_set() else next(pictures, None)
            return self._frame(number, picture) if isinstance(picture, Picture) else picture

    def _frame(self, number: int, picture: Picture) -> Frame | Unreadable:
        captured_at_ns = time_ns() if self._source.live else 0
        data = picture.data
        if self._raw:
            pixels = _decoded(data) if isinstance(data, bytes) else data
            if pixels is None:
                return Unreadable(f"frame {number + 1}", "the file is no image that can be read")
            self.bytes_out += pixels.nbytes
            return Frame(pixels, sequence=number, captured_at_ns=captured_at_ns)
        coded = data if isinstance(data, bytes) else encode_jpeg(data, self._quality)
        self.bytes_out += len(coded)
        return Frame(coded, sequence=number, captured_at_ns=captured_at_ns)


def encode_jpeg(pixels: Pixels, quality: int) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorspace="BGR", colorsubsampling="420"
    )
    return data


def _decoded(data: bytes) -> Pixels | None:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(pixels, np.uint8)
