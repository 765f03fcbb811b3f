"""Where `send` takes its pictures from: the SOURCE argument, understood."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from framesrv.cli.outcome import Fault, hide_password
from framesrv.cli.pictures_in import Source

ALLOWED: Final = (
    "give a video file, a folder of images, an image, a camera's number (0), "
    "an address (rtsp://...), or synthetic:1280x720@30"
)
_SYNTHETIC: Final = re.compile(r"synthetic:(?:(\d{1,5})x(\d{1,5}))?(?:@(\d{1,4}(?:\.\d+)?))?")
_STREAMS: Final = ("rtsp://", "rtsps://")
_SIDE_MAX: Final = 8192  # of a server as it comes; above, it would refuse each frame
_FPS_MAX: Final = 1000.0


def open_source(text: str, drop: str | None, fps: float | None = None) -> Source:
    """Raises Fault, which says what is wrong and what there is to choose from.

    ``drop`` is for live sources, which have to drop something when they are not waited for.
    """
    quiet_opencv()
    if text.startswith("synthetic:") or text == "synthetic":
        return _synthetic(text, fps)
    if text.isascii() and text.isdigit():
        from framesrv.cli.source_live import open_camera

        return open_camera(int(text), drop)
    if text.lower().startswith(_STREAMS):
        from framesrv.cli.source_live import open_stream

        return open_stream(text, drop)
    if "://" in text:
        raise Fault(f"{hide_password(text)}: only rtsp:// and rtsps:// addresses are read; "
                    f"{ALLOWED}")  # fmt: skip
    return _file(Path(text))


def quiet_opencv() -> None:
    """OpenCV and FFmpeg write to stderr what we say better."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when it is first used
    if "OPENCV_LOG_LEVEL" not in os.environ:
        from cv2.utils import logging

        logging.setLogLevel(logging.LOG_LEVEL_SILENT)


def synthetic_size(text: str) -> tuple[int, int, float]:
    """
    >>> synthetic_size("synthetic:640x360@25"), synthetic_size("synthetic:")
    ((640, 360, 25.0), (1280, 720, 30.0))
    """
    match = _SYNTHETIC.fullmatch(text if ":" in text else text + ":")
    if match is None:
        raise Fault(f"{text}: not understood; write synthetic:WIDTHxHEIGHT@FPS, as in "
                    "synthetic:1280x720@30, or synthetic: alone")  # fmt: skip
    width, height, fps = int(match[1] or 1280), int(match[2] or 720), float(match[3] or 30)
    if not (16 <= width <= _SIDE_MAX and 16 <= height <= _SIDE_MAX and 0 < fps <= _FPS_MAX):
        raise Fault(f"{text}: sides are 16 to {_SIDE_MAX} pixels, and the rate is above 0 and at "
                    f"most {_FPS_MAX:g} frames a second")  # fmt: skip
    return width, height, fps


def _synthetic(text: str, fps: float | None) -> Source:
    from framesrv.cli.source_files import SyntheticSource

    width, height, own_fps = synthetic_size(text)
    return SyntheticSource(width, height, fps or own_fps)


def _file(path: Path) -> Source:
    from framesrv.cli.source_files import VideoSource, image_source, is_image_file

    if path.is_dir():
        return image_source(path)
    if not path.exists():
        raise Fault(f"{path}: there is no such file or folder; {ALLOWED}")
    if not path.is_file():
        raise Fault(f"{path}: is no file; a camera is named by its number, as in `send 0`")
    if not os.access(path, os.R_OK):
        raise Fault(f"{path}: may not be read by this user; change its permissions")
    if not path.stat().st_size:
        raise Fault(f"{path}: the file is empty; {ALLOWED}")
    return image_source(path) if is_image_file(path) else VideoSource(path)
