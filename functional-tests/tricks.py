"""Processors that the server under test has installed: they wait, fail, or take their thread."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WAIT_S_MAX = 60.0


def gate(src: Any, dst: Any, options: Mapping[str, str]) -> None:
    """Leave a mark in the folder ``here``, and go on once there is a file ``open`` in it."""
    here = Path(options["here"])
    (here / f"in-{time.monotonic_ns()}").touch()
    end = time.monotonic() + _WAIT_S_MAX
    while not (here / "open").exists() and time.monotonic() < end:
        time.sleep(0.002)
    dst[...] = src


def nothing(src: Any, dst: Any, options: Mapping[str, str]) -> None:
    """Writes nothing: whatever the array held before would leave with it."""


def fails(src: Any, dst: Any, options: Mapping[str, str]) -> None:
    raise ValueError("/etc/secret: the operator's own affair")


def fatal(src: Any, dst: Any, options: Mapping[str, str]) -> None:
    raise SystemExit(3)
