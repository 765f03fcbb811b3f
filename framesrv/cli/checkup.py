"""What there is to know about a machine before a server runs on it."""

from __future__ import annotations

import os
import platform
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final


class Mark(StrEnum):
    GOOD = "good"
    NOTE = "note"  # worth knowing; nothing to do
    BAD = "warning"  # a server would fail, or be unsafe or slow


@dataclass(frozen=True, slots=True)
class Finding:
    group: str
    name: str
    value: str
    mark: Mark = Mark.GOOD
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        return {
            "group": self.group,
            "name": self.name,
            "value": self.value,
            "mark": str(self.mark),
            "advice": self.advice,
        }


# Distribution, least version, and what is wrong below it.
LIBRARIES: Final = (
    ("framesrv", "", ""),
    ("numpy", "2.2", "framesrv is not tested with it"),
    ("opencv-python-headless", "4.12", "4.10 handed out pixels of the client before"),
    ("grpcio", "1.84", "before 1.83 its message cap did not cap memory"),
    ("protobuf", "7.35", "the generated code asks for it"),
    ("simplejpeg", "1.9", "framesrv is not tested with it"),
    ("imagecodecs", "2026.1", "framesrv is not tested with it"),
    ("pillow", "12.3", "older ones have known faults in their decoders"),
)
PORTS: Final = (("gRPC", 50051), ("HTTP", 9464))
_MIB: Final = 1024 * 1024


def examine() -> list[Finding]:
    """Everything, whatever else is broken: a part that raises is a finding itself."""
    findings: list[Finding] = []
    for part in (versions, codecs, machine, ports, settings):
        try:
            findings.extend(part())
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            advice = "reinstall framesrv with all that it needs"
            findings.append(Finding(part.__name__, "checking it", told, Mark.BAD, advice))
    return findings


# ---------------------------------------------------------------- versions


def versions(of: Callable[[str], str] = version) -> Iterator[Finding]:
    python = platform.python_version()
    fit = sys.version_info >= (3, 11)
    yield Finding("versions", "python", python, Mark.GOOD if fit else Mark.BAD,
                  "" if fit else "framesrv needs 3.11 or newer")  # fmt: skip
    for name, least, why in LIBRARIES:
        try:
            found = of(name)
        except PackageNotFoundError:
            if name == "opencv-python-headless" and (other := _other_opencv(of)):
                yield other
                continue
            yield Finding("versions", name, "missing", Mark.BAD, f"pip install {name}")
            continue
        if least and not at_least(found, least):
            advice = f"pip install '{name}>={least}': {why}"
            yield Finding("versions", name, found, Mark.BAD, advice)
        else:
            yield Finding("versions", name, found)


def _other_opencv(of: Callable[[str], str]) -> Finding | None:
    for name in ("opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python"):
        try:
            found = of(name)
        except PackageNotFoundError:
            continue
        fit = at_least(found, "4.12")
        return Finding("versions", name, found, Mark.NOTE if fit else Mark.BAD,
                       "" if fit else "pip install 'opencv-python-headless>=4.12'")  # fmt: skip
    return None


def at_least(found: str, least: str) -> bool:
    """
    >>> at_least("1.85.1", "1.84"), at_least("4.9.0.80", "4.12"), at_least("13.0.0", "12.3")
    (True, False, True)
    """
    have, want = ([int(part) for part in re.findall(r"\d+", text)] for text in (found, least))
    return have >= want


# ---------------------------------------------------------------- codecs


def codecs() -> Iterator[Finding]:
    """Not whether a library is there: whether a picture that goes in comes out again."""
    import numpy as np

    slope = np.linspace(0, 255, 48, dtype=np.uint8)
    picture = np.stack([np.tile(slope, (32, 1)), np.full((32, 48), 90, np.uint8),
                        np.tile(slope[::-1], (32, 1))], axis=2)  # fmt: skip
    for name, (through, furthest) in _round_trips().items():
        try:
            back = through(picture)
            off = int(np.abs(back.astype(int) - picture.astype(int)).mean())
            fault = "" if off <= furthest else f"the picture comes back changed, by {off} of 255"
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        if fault:
            yield Finding("codecs", name, fault, Mark.BAD, f"reinstall {name.split()[0]}")
        else:
            yield Finding("codecs", name, "works")


def _round_trips() -> dict[str, tuple[Callable[[Any], Any], int]]:
    """A way through each codec and back, and how far the mean may be off."""

    def simplejpeg_jpeg(picture: Any) -> Any:
        import simplejpeg

        data = simplejpeg.encode_jpeg(picture, quality=95, colorspace="BGR")
        return simplejpeg.decode_jpeg(data, colorspace="BGR")

    def opencv(suffix: str) -> Callable[[Any], Any]:
        def through(picture: Any) -> Any:
            import cv2

            return cv2.imdecode(cv2.imencode(suffix, picture)[1], cv2.IMREAD_COLOR)

        return through

    def imagecodecs(kind: str) -> Callable[[Any], Any]:
        def through(picture: Any) -> Any:
            import imagecodecs

            options = {"lossless": True} if kind == "webp" else {}
            data = getattr(imagecodecs, f"{kind}_encode")(picture, **options)
            return getattr(imagecodecs, f"{kind}_decode")(data)

        return through

    def pillow_webp(picture: Any) -> Any:
        import io

        import numpy as np
        from PIL import Image

        store = io.BytesIO()
        Image.fromarray(picture).save(store, "WEBP", lossless=True)
        return np.asarray(Image.open(store))

    def raw(picture: Any) -> Any:
        import cv2

        nv12 = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420)
        return cv2.cvtColor(nv12, cv2.COLOR_YUV2BGR_I420)

    return {
        "simplejpeg JPEG": (simplejpeg_jpeg, 8),
        "opencv JPEG": (opencv(".jpg"), 8),
        "opencv PNG": (opencv(".png"), 0),
        "imagecodecs PNG": (imagecodecs("png"), 0),
        "imagecodecs WebP": (imagecodecs("webp"), 0),
        "pillow WebP": (pillow_webp, 0),
        "opencv raw I420": (raw, 16),
    }


# ---------------------------------------------------------------- the machine


def machine() -> Iterator[Finding]:
    import cv2

    from framesrv.engine.cores import usable_cores
    from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes

    cores, there = usable_cores(), os.cpu_count() or 1
    shared = f" of {there}, by affinity or the control group" if cores < there else ""
    yield Finding("machine", "cores usable", f"{cores}{shared}")
    limit, budget = memory_limit_bytes(), default_budget_bytes()
    yield Finding("machine", "memory limit", f"{limit // _MIB:,} MiB")
    small = budget < 256 * _MIB
    yield Finding(
        "machine", "pools' budget", f"{budget // _MIB:,} MiB", Mark.BAD if small else Mark.GOOD,
        "under 512 MiB of memory, frames of ordinary size may be refused: give it more"
        if small else "",
    )  # fmt: skip
    # Without a star: compiled in for all; with one: used where the processor has it.
    features = [part for part in cv2.getCPUFeaturesLine().split() if not part.endswith("?")]
    vectors = any("AVX2" in part or "NEON" in part for part in features)
    yield Finding("machine", "OpenCV's SIMD", " ".join(features) or "none",
                  Mark.GOOD if vectors else Mark.NOTE,
                  "" if vectors else "without AVX2 or NEON, resizing is slower")  # fmt: skip
    yield Finding("machine", "OpenCV's video", _video(cv2.getBuildInformation()))


def _video(build: str) -> str:
    """Which libraries read and write videos: `send` needs FFmpeg for files and RTSP."""
    found = re.search(r"^\s*FFMPEG:\s*YES", build, re.MULTILINE)
    return "FFmpeg" if found else "no FFmpeg: `send` reads no videos"


def ports() -> Iterator[Finding]:
    for name, port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                flag = "--listen" if name == "gRPC" else "--http"
                yield Finding("ports", name, f"127.0.0.1:{port} is in use", Mark.NOTE,
                              f"by a server that runs, or choose another with {flag}")  # fmt: skip
                continue
        yield Finding("ports", name, f"127.0.0.1:{port} is free")


def settings() -> Iterator[Finding]:
    """What a server would be started with, if it were started here and now without flags."""
    from framesrv.config import load
    from framesrv.errors import BadConfig
    from framesrv.pool import DebugLevel

    try:
        level = load({}).settings.pools.debug
    except BadConfig as fault:
        told = "; ".join(line.removeprefix("- ") for line in str(fault).splitlines()[1:])
        advice = "`framesrv serve` would refuse to start"
        yield Finding("settings", "configuration", told or str(fault), Mark.BAD, advice)
    else:
        slow = level in (DebugLevel.POISON, DebugLevel.FENCE)
        advice = "for finding faults; slower than a server should be" if slow else ""
        mark = Mark.NOTE if slow else Mark.GOOD
        yield Finding("settings", "debug level", str(level), mark, advice)
    ours = sorted(name for name in os.environ if name.startswith("FRAMESRV_"))
    yield Finding("settings", "variables", ", ".join(ours) or "none set")
