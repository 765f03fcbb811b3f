"""The most memory that a process has held (Linux)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FORGET_THE_PEAK: Final = "5"  # proc(5), of clear_refs


def forget(pid: int) -> bool:
    """Let the peak be what is resident now; False where the system does not allow that."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text(_FORGET_THE_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def peak_bytes(pid: int) -> int:
    """Since the process began, or since it was forgotten."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024
