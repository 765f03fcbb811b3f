"""Where the figures were taken: enough to judge them, nothing that names the place."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

_RESULTS: Final = "/benchmarks/results"


def machine() -> dict[str, Any]:
    """Asked before the first scenario: the load is then that of others."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "cores_usable": _cores_usable(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "platform": platform.platform(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def in_one_line(here: Mapping[str, Any]) -> str:
    return (
        f"{here['cpu']}, {here['cores_usable']} of {here['cores']} cores, {here['python']}, "
        f"NumPy {here['numpy']}; load at the start {here['load']}"
    )


def commit() -> str | None:
    """The commit that was measured, "+" behind it if files were changed; None outside git.

    Results do not count: a suite leaves its own where the next one finds them.
    """
    head = git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return None
    return head + ("+" if git("status", "--porcelain", "--", ":/", f":!{_RESULTS}") else "")


def git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__).parent
    done = subprocess.run([git, *arguments], cwd=here, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _cores_usable() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
