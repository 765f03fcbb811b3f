"""How much memory this process may count on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

DEFAULT_BUDGET_BYTES: Final = 512 * 1024 * 1024
_CGROUP_FILES: Final = (
    "sys/fs/cgroup/memory.max",
    "sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def memory_limit_bytes(root: Path = Path("/")) -> int:
    """The machine's memory, or the control group's limit where that is less."""
    return min([_machine_bytes(), *_cgroup_limits(root)])


def default_budget_bytes(limit_bytes: int | None = None) -> int:
    """512 MiB, but never more than half of what there is.

    >>> default_budget_bytes(256 * 1024 * 1024)
    134217728
    """
    limit_bytes = memory_limit_bytes() if limit_bytes is None else limit_bytes
    return min(DEFAULT_BUDGET_BYTES, limit_bytes // 2)


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cgroup_limits(root: Path) -> list[int]:
    limits = []
    for name in (*_own_group_files(root), *_CGROUP_FILES):
        try:
            text = (root / name).read_text().strip()
        except OSError:
            continue
        if text.isdigit():  # else "max"
            limits.append(int(text))
    return limits


def _own_group_files(root: Path) -> list[str]:
    """The limit files of this process's own group and of those above it (cgroup v2)."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        number, _, path = line.split(":", 2)
        if number == "0":
            parts = [part for part in path.split("/") if part]
            return [
                "/".join(["sys/fs/cgroup", *parts[:depth], "memory.max"])
                for depth in range(1, len(parts) + 1)
            ]
    return []
