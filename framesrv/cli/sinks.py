"""Where results are put: a folder of images, a video, or nowhere.

A file is whole or not there: it is written under a name of its own and gets its real one last.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from framesrv.cli.outcome import Fault, counted
from framesrv.cli.pictures_in import Pixels
from framesrv.client import OutputImage

_FRAME: Final = re.compile(r"frame-\d+.*")
_VIDEOS: Final = (".mp4", ".m4v", ".mov", ".mkv", ".avi")
_TAKEN: Final = "add --force to overwrite, or choose another place with --out"

_ELSEWHERE: Final = "choose another place with --out"
_SUFFIX: Final = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_TO_BGR: Final = {
    "RGB24": cv2.COLOR_RGB2BGR,
    "RGBA32": cv2.COLOR_RGBA2BGR,
    "BGRA32": cv2.COLOR_BGRA2BGR,
    "GRAY8": cv2.COLOR_GRAY2BGR,
    "NV12": cv2.COLOR_YUV2BGR_NV12,
    "I420": cv2.COLOR_YUV2BGR_I420,
}


Outputs = Mapping[str, OutputImage]


class Sink(Protocol):
    def take(self, number: int, outputs: Outputs) -> None:
        """The frame's number, from 1, and what was made of it: nothing, where it failed."""

    def close(self) -> str:
        """Finish what was begun, also after an interrupt. Says what was written, for people."""


def open_sink(out: str, fps: float, *, force: bool) -> Sink:
    """Raises Fault if nothing could be written there."""
    if out == "none":
        return NoSink()
    path = Path(out)
    if path.suffix.lower() in _VIDEOS and not path.is_dir():
        return VideoSink(path, fps, force=force)
    if path.suffix and not path.exists() and path.suffix.lower()[1:].isalnum():
        raise Fault(f"--out {out}: results go to a folder, or to a video that ends in "
                    f"{', '.join(_VIDEOS)}; for a folder of this name, make it first")  # fmt: skip
    return FolderSink(path, force=force)


class NoSink:
    def take(self, number: int, outputs: Outputs) -> None:
        return None

    def close(self) -> str:
        return ""


class FolderSink:
    def __init__(self, folder: Path, *, force: bool) -> None:
        self._folder = folder
        self._force = force
        self._written = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
            taken = next((each for each in folder.iterdir() if _FRAME.fullmatch(each.name)), None)
        except OSError as error:
            raise Fault(f"--out {folder}: {error.strerror or error}; {_ELSEWHERE}") from None
        if not os.access(folder, os.W_OK):
            raise Fault(f"--out {folder}: this user may not write there; {_ELSEWHERE}")
        if taken is not None and not force:
            raise Fault(f"--out {folder}: there is a {taken.name} already; {_TAKEN}")

    def take(self, number: int, outputs: Outputs) -> None:
        several = len(outputs) > 1
        for name, image in outputs.items():
            middle = f".{_tame(name)}" if several else ""
            suffix, data = _file_of(image)
            self._write(self._folder / f"frame-{number:06d}{middle}.{suffix}", data)

    def _write(self, path: Path, data: bytes) -> None:
        part = path.with_name(f".{path.name}.part")
        before = self._written
        try:
            part.write_bytes(data)
            if not self._force and path.exists():
                raise Fault(f"{path}: appeared while we were writing; {_TAKEN}")
            old, new = str(part), str(path)
            # In this order, and with nothing of Python's between: an interrupt strikes as a call
            # returns, and there would be a file that nobody counted.
            self._written += 1
            os.replace(old, new)  # noqa: PTH105
        except BaseException as error:
            with suppress(OSError):
                part.unlink()
            if isinstance(error, OSError):
                self._written = before
                raise Fault(f"{path}: {error.strerror or error}; is the disk full?") from None
            raise

    def close(self) -> str:
        return f"{counted(self._written, 'file')} in {self._folder}"


class VideoSink:
    """The first output of each frame. A frame that has none repeats the one before it, so that
    the film keeps its pace; sizes that change are fitted to the first.
    """

    def __init__(self, path: Path, fps: float, *, force: bool) -> None:
        self._path = path
        self._part = path.with_name(f".{path.stem}.part{path.suffix}")
        self._fps = fps
        self._force = force
        self._writer: cv2.VideoWriter | None = None
        self._last: Pixels | None = None
        self._size = (0, 0)
        self._written = 0
        if path.exists() and not force:
            raise Fault(f"--out {path}: the file is there already; {_TAKEN}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._part.write_bytes(b"")
        except OSError as error:
            raise Fault(f"--out {path}: {error.strerror or error}; {_ELSEWHERE}") from None

    def take(self, number: int, outputs: Outputs) -> None:
        if outputs:
            picture = _bgr(next(iter(outputs.values())))
            if self._writer is None:
                self._open(picture.shape[1], picture.shape[0])
            if (picture.shape[1], picture.shape[0]) != self._size:
                scaled = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)
                picture = np.asarray(scaled, np.uint8)
            self._last = picture
        if self._last is not None and self._writer is not None:
            # In this order: an interrupt strikes as a call returns, and the frame would be in the
            # film and not in the count.
            self._written += 1
            self._writer.write(self._last)

    def _open(self, width: int, height: int) -> None:
        # The codec knows even sides only.
        self._size = (width + width % 2, height + height % 2)
        fourcc = cv2.VideoWriter.fourcc(*("MJPG" if self._path.suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(self._part), fourcc, self._fps, self._size)
        if not writer.isOpened():
            raise Fault(f"--out {self._path}: OpenCV cannot write such a video of "
                        f"{width} x {height} at {self._fps:g} frames a second")  # fmt: skip
        self._writer = writer

    def close(self) -> str:
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        if not self._written:
            self._part.unlink(missing_ok=True)
            return f"no frame for {self._path}, so it was not written"
        if not self._part.exists():
            return f"{self._written} frames in {self._path}"
        if self._path.exists() and not self._force:
            return f"{self._written} frames in {self._part}: {self._path} appeared meanwhile"
        self._part.replace(self._path)
        return f"{self._written} frames in {self._path}"


def _file_of(image: OutputImage) -> tuple[str, bytes]:
    """Raw pixels leave as PNG: a file should open where it is clicked."""
    if image.encoding in _SUFFIX:
        return _SUFFIX[image.encoding], image.bytes
    pixels = image.array
    if image.format == "RGBA32":
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA), np.uint8)
    elif image.format not in {"GRAY8", "BGRA32"}:
        pixels = _bgr(image)
    written, data = cv2.imencode(".png", pixels)
    if not written:
        raise Fault(f"output {image.name!r}: OpenCV could not write it as PNG")
    return "png", data.tobytes()


def _bgr(image: OutputImage) -> Pixels:
    pixels = image.array
    if image.encoding == "raw":
        code = _TO_BGR.get(image.format)
    else:
        code = {2: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}.get(
            2 if pixels.ndim == 2 else pixels.shape[2]
        )
    return pixels if code is None else np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _tame(name: str) -> str:
    """
    >>> _tame("small"), _tame("../../etc/passwd")
    ('small', '______etc_passwd')
    """
    return re.sub(r"[^\w-]", "_", name)[:64]
