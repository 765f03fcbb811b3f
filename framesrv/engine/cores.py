"""How many threads can really run at once."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPU_MAX = "sys/fs/cgroup/cpu.max"


def usable_cores(root: Path = Path("/")) -> int:
    """The cores this process may run on, or fewer where its control group has a quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, _quota_cores(root)))


def _quota_cores(root: Path) -> int:
    try:
        quota, period = (root / _CPU_MAX).read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no control groups, or "max"
        return os.cpu_count() or 1
