"""The server's pools swapped for their unpooled twins, one by one or all: nothing else differs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from framesrv.engine import threads
from framesrv.engine.desk import Desk
from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    RecordPool,
    UnpooledArrayPool,
    UnpooledBytesIOPool,
    UnpooledRecordPool,
)
from framesrv.pool.unpooled import Unpooled

if TYPE_CHECKING:
    from framesrv.app import App
    from framesrv.pipeline.plan import FramePlan
    from framesrv.pipeline.source import Buffers
    from framesrv.pool.bounded import BoundedPool

# Those that the standard work borrows from, in the order in which a frame meets them.
USED: Final = (
    "envelope",
    "frame_job",
    "source_frame",
    "canonical_frame",
    "frame_report",
    "resize_640x360",
    "bgr_320",
    "rgba_320",
    "jpeg",
    "answer",
)


def swap(app: App, names: Iterable[str]) -> None:
    """Before the server has its first call."""
    for name in names:
        pool = app.manager.pool(name)
        swapped: Any = Swapped(pool, _twin_of(pool))
        app.manager._named[name] = swapped
        if isinstance(pool, ArrayPool):
            app.manager._by_shape[pool.shape] = swapped
        if name in app.records:
            app.records[name] = swapped  # the engine reads the same mapping
        if name == "envelope":
            app.office.reception.envelopes = swapped
        if name == "answer":
            app.office.answers = swapped


def lay_out_anew_for_each_frame() -> None:
    """As code without pools does. A desk keeps its buffers from one frame of a task to the next,
    so that a twin of the pools alone would allocate once for a dozen frames."""
    threads.Desk = FreshDesk  # type: ignore[attr-defined]


class FreshDesk(Desk):
    def lay_out(self, plan: FramePlan, wait_s: float) -> Buffers:
        self.clear()
        return super().lay_out(plan, wait_s)


class Swapped:
    """Lends from the twin. What a manager asks of its pools besides, the pool answers, unused."""

    def __init__(self, pool: BoundedPool[Any], twin: Unpooled[Any]) -> None:
        self._pool = pool
        self.acquire = twin.acquire
        self.try_acquire = twin.try_acquire
        self.stats = twin.stats

    def take(self, shape: tuple[int, ...] = ()) -> Any:
        return self.acquire()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _twin_of(pool: BoundedPool[Any]) -> Unpooled[Any]:
    """With the same sizes."""
    kind: Any = pool.kind
    while hasattr(kind, "_inner"):  # dressed by a debug level
        kind = kind._inner
    name, capacity = pool.name, pool.capacity
    if isinstance(pool, ArrayPool):
        return UnpooledArrayPool(name, shape=pool.shape, dtype=pool.dtype, capacity=capacity)
    if isinstance(pool, BytesIOPool):
        sizes = {"initial_bytes": kind.initial_bytes, "max_bytes": kind.max_bytes}
        return UnpooledBytesIOPool(name, **sizes, capacity=capacity)
    if isinstance(pool, RecordPool):
        return UnpooledRecordPool(name, kind.factory, capacity=capacity)
    raise TypeError(f"pool {name!r} has no twin here")
