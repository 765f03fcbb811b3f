"""A real engine on real pools, and frames to feed it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic_ns, time_ns
from typing import Any

import cv2
import numpy as np

from framesrv import codecs
from framesrv.engine import EngineSettings, Task, ThreadEngine
from framesrv.errors import Reason
from framesrv.frames import record_pools
from framesrv.frames.layout import ImageLayout
from framesrv.frames.source import Codec, SourceFrame
from framesrv.frames.work import FrameReport, FrameStatus
from framesrv.pipeline.plan import Plan
from framesrv.pipeline.plans import Plans
from framesrv.pool import DebugLevel, PoolManager, PoolSettings


@dataclass
class Incoming:
    data: bytes
    sequence: int = 0
    layout: ImageLayout | None = None
    stream_id: str = ""
    crc32c: int | None = None
    codec: Codec = Codec.UNSPECIFIED

    @property
    def payload(self) -> memoryview:
        return memoryview(self.data)

    def into(self, record: SourceFrame) -> None:
        record.payload = self.payload
        record.sequence = self.sequence
        record.layout = self.layout
        record.stream_id = self.stream_id
        record.crc32c = self.crc32c
        record.codec = self.codec


@dataclass
class Seen:
    """What a report said, copied: the report itself is used again."""

    sequence: int
    status: FrameStatus
    reason: Reason | None
    message: str
    outputs: dict[str, bytes]
    total_ns: int


@dataclass
class Notes:
    """An answer that keeps what it is told."""

    seen: list[Seen] = field(default_factory=list)
    finished: int = 0

    def add(self, report: FrameReport) -> None:
        error = report.error
        self.seen.append(
            Seen(
                report.sequence,
                report.status,
                error.reason if error else None,
                error.message if error else "",
                {output.name: bytes(output.data) for output in report.outputs},
                report.timings.total_ns,
            )
        )

    def finish(self) -> None:
        self.finished += 1


class Rig:
    def __init__(self, engine: ThreadEngine, manager: PoolManager, plans: Plans) -> None:
        self.engine = engine
        self.manager = manager
        self.plans = plans

    def task(
        self, frames: Sequence[Any], plan: Plan | None = None, **options: Any
    ) -> tuple[Task, Notes, threading.Event]:
        notes, done = Notes(), threading.Event()
        options.setdefault("answer", notes)
        task = Task(
            plan or self.plans.find(None),
            frames,
            options.pop("answer"),
            done.set,
            request_id="request",
            received_ns=monotonic_ns(),
            received_at_ns=time_ns(),
            **options,
        )
        return task, notes, done

    def run(self, frames: Sequence[Any], plan: Plan | None = None, **options: Any) -> list[Seen]:
        task, notes, done = self.task(frames, plan, **options)
        self.engine.submit([task])
        assert done.wait(60)
        assert notes.finished == 1
        return notes.seen

    def check_home(self) -> None:
        """No lease is out, nothing is counted as in flight."""
        for name, stats in self.manager.stats().items():
            assert (name, stats.leased, stats.quarantined) == (name, 0, 0)
        assert (self.engine.admission.frames, self.engine.admission.nbytes) == (0, 0)


@contextmanager
def rig(
    level: DebugLevel = DebugLevel.SAMPLE, plans: Plans | None = None, **settings: Any
) -> Iterator[Rig]:
    manager = PoolSettings(budget_bytes=256 * 1024 * 1024, debug=level).build()
    settings.setdefault("workers", 2)
    records = record_pools(settings["workers"], debug=level)
    manager.register(*records.values())
    engine = ThreadEngine(manager, records, EngineSettings(**settings), codecs.Limits())
    engine.start()
    try:
        yield Rig(engine, manager, plans or Plans())
    finally:
        engine.stop()
        assert manager.shutdown() == []


def picture(width: int = 64, height: int = 48, seed: int = 0) -> np.ndarray[Any, Any]:
    """Smooth, so that encoding changes little."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def jpeg(width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    ok, coded = cv2.imencode(".jpg", picture(width, height, seed), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert ok
    return coded.tobytes()
