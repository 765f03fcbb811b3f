"""Logging goes to stderr: stdout has the ready line and nothing else."""

from __future__ import annotations

import logging
import sys

from framesrv.observability.settings import LogSettings


def set_up(settings: LogSettings) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=settings.level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        force=True,
    )
    # Told by strangers' mistakes, a line each: an attacker could fill the disk with them.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
