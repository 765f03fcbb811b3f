"""Cameras and RTSP: read all the time, so that what is sent is never older than it must be.

A thread takes each picture as soon as it is there and puts it where at most a few wait. What
happens to the one too many is the drop policy; "block" leaves the camera waiting instead, whose
driver has room for a few more and then loses what comes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from typing import Final, Protocol

import cv2
import numpy as np

from framesrv.cli.outcome import Fault, hide_password
from framesrv.cli.pictures_in import Picture, Pixels, Unreadable

_OPEN_MS: Final = 5000
_READ_MS: Final = 3000
_CLOSE_S: Final = 12.0  # V4L2 gives up a read after 10
_HELD: Final = {"oldest": 1, "newest": 4, "block": 4}


class Capture(Protocol):
    """What of cv2.VideoCapture is used."""

    def read(self) -> tuple[bool, Pixels | None]: ...
    def release(self) -> None: ...


def open_camera(index: int, drop: str | None) -> LiveSource:
    capture = cv2.VideoCapture(index) if index < 1000 else cv2.VideoCapture()
    if not capture.isOpened():
        raise Fault(
            f"camera {index}: there is none, another program has it, or this user may not read "
            "it; on Linux look at `ls /dev/video*`, and at the group video. "
            f"A file of that name is given as ./{index}"
        )
    return _live(f"camera {index}", capture, drop)


def open_stream(address: str, drop: str | None) -> LiveSource:
    shown = hide_password(address)
    options = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_MS]
    capture = cv2.VideoCapture(address, cv2.CAP_FFMPEG, options)
    if not capture.isOpened():
        raise Fault(
            f"{shown}: no video comes from there; is the address right (with its port, path and "
            "password), and does `ffplay` show it?"
        )
    return _live(shown, capture, drop)


def _live(name: str, capture: cv2.VideoCapture, drop: str | None) -> LiveSource:
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    fps = capture.get(cv2.CAP_PROP_FPS)
    return LiveSource(name, capture, drop or "oldest", fps if 0 < fps <= 1000 else None)  # type: ignore[arg-type]


class LiveSource:
    total = None
    live = True

    def __init__(self, name: str, capture: Capture, drop: str, fps: float | None = None) -> None:
        self.name = name
        self.fps = fps
        self.skipped = 0
        self._capture = capture
        self._drop = drop
        self._most = _HELD[drop]
        self._held: deque[Pixels] = deque()
        self._changed = threading.Condition()
        self._ended = False  # the camera gives no more
        self._closed = False
        self._reader = threading.Thread(target=self._read, name="framesrv-camera", daemon=True)

    def pictures(self) -> Iterator[Picture | Unreadable]:
        self._reader.start()
        while (pixels := self._take()) is not None:
            yield Picture(pixels)

    def close(self) -> None:
        """Waits for a read that is under way, as a camera must not be let go inside of it; but not
        for ever, though drivers promise to come back.
        """
        with self._changed:
            self._closed = True
            self._held.clear()
            self._changed.notify_all()
        if self._reader.is_alive():
            self._reader.join(_CLOSE_S)
        if not self._reader.is_alive():
            self._capture.release()

    def _take(self) -> Pixels | None:
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._ended or self._closed)
            if not self._held:
                return None
            self._changed.notify_all()
            return self._held.popleft()

    def _read(self) -> None:
        try:
            while self._room():
                read, pixels = self._capture.read()
                if not read or pixels is None:
                    return
                self._put(np.asarray(pixels, np.uint8))
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _room(self) -> bool:
        """False when nothing more is wanted."""
        with self._changed:
            if self._drop == "block":
                self._changed.wait_for(lambda: self._closed or len(self._held) < self._most)
            return not self._closed

    def _put(self, pixels: Pixels) -> None:
        with self._changed:
            if self._closed:
                return
            full = len(self._held) >= self._most
            self.skipped += full
            if full and self._drop == "newest":
                return
            if full:
                self._held.popleft()
            self._held.append(pixels)
            self._changed.notify_all()
