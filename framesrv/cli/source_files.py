"""Sources that wait for us: files on the disk, and the test picture."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from framesrv.cli.outcome import Fault
from framesrv.cli.pictures_in import Picture, Still, Unreadable

# Sent as they are; the server knows these.
_AS_IS: Final = {".jpg", ".jpeg", ".jpe", ".png", ".webp"}
# Decoded here, and sent like the frames of a video.
_DECODED: Final = {".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif"}
SUFFIXES: Final = _AS_IS | _DECODED


def is_image_file(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES or _sent_as_is(_head(path))


def image_source(path: Path) -> ImageSource:
    """All images of a folder, in the order in which a person would count them; or one image."""
    if not path.is_dir():
        source = ImageSource(path.name, [path])
        first = next(source.pictures())
        if isinstance(first, Unreadable):
            raise Fault(f"{path}: {first.why}; give a JPEG, PNG or WebP file, or another image")
        return source
    try:
        files = [each for each in path.iterdir() if each.suffix.lower() in SUFFIXES]
    except OSError as error:
        raise Fault(f"{path}: the folder cannot be read: {error.strerror}") from None
    files = [each for each in files if each.is_file() and not each.name.startswith(".")]
    if not files:
        known = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
        raise Fault(f"{path}: there is no image in this folder; images end in {known}")
    return ImageSource(path.name or str(path), sorted(files, key=_counted))


class ImageSource(Still):
    def __init__(self, name: str, files: list[Path]) -> None:
        self.name = name
        self.total = len(files)
        self._files = files

    def pictures(self) -> Iterator[Picture | Unreadable]:
        for path in self._files:
            yield _picture(path)


class VideoSource(Still):
    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path
        self._reading = threading.Lock()  # a capture must not be let go inside of a read
        self._closed = False
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._first = self._read() if self._capture.isOpened() else None
        if self._first is None:
            self._capture.release()
            raise Fault(f"{path}: no video that FFmpeg can read, or it has no pictures; "
                        "try `ffprobe` on it, or give another file")  # fmt: skip
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps <= 1000 else None
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.total = count if count > 0 else None

    def pictures(self) -> Iterator[Picture | Unreadable]:
        pixels, self._first = self._first, None
        while pixels is not None:
            yield Picture(np.asarray(pixels, np.uint8))
            pixels = self._read()

    def close(self) -> None:
        with self._reading:
            self._closed = True
            self._capture.release()

    def _read(self) -> cv2.typing.MatLike | None:
        with self._reading:
            read, pixels = (False, None) if self._closed else self._capture.read()
        return pixels if read else None


class SyntheticSource(Still):
    """Endless. It has a pace of its own, as a camera has, but nothing is lost if it waits."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        from framesrv.cli.testcard import TestCard

        self.name = f"synthetic {width}x{height}"
        self.fps = fps
        self._card = TestCard(width, height, fps)

    def pictures(self) -> Iterator[Picture | Unreadable]:
        number = 1  # as the files of the results are numbered
        while True:
            yield Picture(self._card.draw(number))
            number += 1


def _picture(path: Path) -> Picture | Unreadable:
    try:
        data = path.read_bytes()
    except OSError as error:
        return Unreadable(path.name, f"cannot be read: {error.strerror}")
    if not data:
        return Unreadable(path.name, "the file is empty")
    if _sent_as_is(data[:16]):
        return Picture(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        pixels = None
    if pixels is None:
        return Unreadable(path.name, "the file is no image that can be read")
    return Picture(np.asarray(pixels, np.uint8))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _sent_as_is(head: bytes) -> bool:
    return (
        head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))
        or head[:4] + head[8:12] == b"RIFFWEBP"
    )


def _counted(path: Path) -> list[tuple[int, str]]:
    """
    >>> sorted(map(Path, ["a10.png", "a9.png"]), key=_counted)[0].name
    'a9.png'
    """
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]
