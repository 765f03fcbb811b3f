"""``framesrv serve`` asked whether it would start with what a file here gives it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
TOKEN: Final = "a-token-of-the-test"  # noqa: S105


def asked(
    arguments: Sequence[str], environ: Mapping[str, str], token: Path, secret: str
) -> subprocess.CompletedProcess[str]:
    """Its answer to --show-config, for which it checks all; ``secret`` is where the token lies."""
    token.write_text(TOKEN)
    own = {name: text for name, text in os.environ.items() if not name.startswith("FRAMESRV_")}
    here = [str(token) if each == secret else each for each in arguments]
    return subprocess.run(
        [sys.executable, "-m", "framesrv", *here, "--show-config"],
        capture_output=True, text=True, check=False, timeout=60, env=own | dict(environ),
    )  # fmt: skip


def value_of(flag: str, arguments: Sequence[str]) -> str:
    return arguments[list(arguments).index(flag) + 1]


def seconds(text: str) -> float:
    """
    >>> seconds("20s"), seconds("20")
    (20.0, 20.0)
    """
    return float(text.removesuffix("s"))


def mebibytes(text: str) -> int:
    """
    >>> mebibytes("1280m"), mebibytes("1280M")
    (1280, 1280)
    """
    return int(text.lower().removesuffix("m"))


def least_memory(budget_bytes: int, in_flight_bytes: int) -> int:
    """By the rule of docs/performance.md, in MiB; and the budget is never above half of it."""
    by_rule = 100 * MIB + budget_bytes + 2 * in_flight_bytes
    return max(by_rule, 2 * budget_bytes) // MIB
