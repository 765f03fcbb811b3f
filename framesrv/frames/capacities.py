"""The pools that lend the records, with the capacities that a server starts with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from framesrv.errors import BadConfig
from framesrv.frames.base import PooledRecord
from framesrv.frames.canonical import CanonicalFrame
from framesrv.frames.merged import MergedFrame
from framesrv.frames.source import Envelope, SourceFrame
from framesrv.frames.work import FrameJob, FrameReport
from framesrv.pool import DebugLevel, PoolObserver, RecordPool
from framesrv.pool.observer import SILENT

FRAMES_PER_WORKER: Final = 64  # the most frames of a batch: a worker may hold a whole one

# A record is a small object without pages to touch: making one costs little more than borrowing
# one, once, and those made under load stay until they are trimmed. So a server starts with what
# lets each worker take a record while the one before it is still on its way home; full
# preallocation would keep hundreds that an idle server never uses.
WARM_PER_WORKER: Final = 2


def record_pools(
    workers: int, *, debug: DebugLevel | None = None, observer: PoolObserver = SILENT
) -> dict[str, RecordPool[Any]]:
    """A pool for each record, by name.

    >>> {name: pool.capacity for name, pool in record_pools(workers=2).items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'envelope': 200, 'source_frame': 200, 'canonical_frame': 300, 'merged_frame': 50,
     'frame_job': 128, 'frame_report': 128}
    """
    if not isinstance(workers, int) or workers < 1:
        raise BadConfig(f"workers must be a whole number of at least 1, not {workers!r}")
    sorts: dict[str, tuple[Callable[[], PooledRecord], int]] = {
        "envelope": (Envelope, 200),
        "source_frame": (SourceFrame, 200),
        "canonical_frame": (CanonicalFrame, 300),
        "merged_frame": (MergedFrame, 50),
        "frame_job": (FrameJob, FRAMES_PER_WORKER * workers),
        "frame_report": (FrameReport, FRAMES_PER_WORKER * workers),
    }
    return {
        name: RecordPool(
            name,
            factory,
            capacity=capacity,
            warm=min(capacity, WARM_PER_WORKER * workers),
            debug=debug,
            observer=observer,
        )
        for name, (factory, capacity) in sorts.items()
    }
