"""What workers write their reports into: pooled buffers, which become the bytes of an answer.

gRPC keeps what it is given for as long as it likes, so it gets bytes of its own: one object for
a whole answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final, Protocol

from framesrv.engine.frame import fail
from framesrv.errors import Reason
from framesrv.frames import copies
from framesrv.frames.work import FrameError, FrameReport, FrameStatus
from framesrv.pool import BytesIOPool, PoolError
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.protocol import wire
from framesrv.streams.news import Clone
from framesrv.streams.tally import Watcher

WAIT_S: Final = 0.05  # longer than a frame takes, and soon over where all wait for each other
_ERROR_BYTES: Final = 512  # what _too_large() takes at most, without the frame's own labels


class Labelled(Protocol):
    """A frame, or its report."""

    @property
    def stream_id(self) -> str: ...

    @property
    def trace_id(self) -> str: ...


class Sheet:
    """A buffer to write on: borrowed if one can be had, else of the heap.

    What is done must be answered, so a worker never fails for want of a buffer.
    """

    __slots__ = ("_lease", "buffer", "pictures")

    def __init__(self, pool: BytesIOPool, wait_s: float = WAIT_S) -> None:
        self._lease: Any = None
        with suppress(PoolError):
            self._lease = pool.acquire(wait_s) if wait_s else pool.try_acquire()
        self.buffer: ScratchBytesIO = self._lease.buffer if self._lease else ScratchBytesIO()
        self.pictures = 0  # on it now

    def write(self, write: Callable[[FrameReport, ScratchBytesIO], None], r: FrameReport) -> None:
        """All of it or nothing: half a result would spoil those before it."""
        start = self.buffer.end()
        try:
            write(r, self.buffer)
        except BaseException:
            self.buffer.truncate(start)
            self.buffer.seek(start)
            raise
        self.pictures += len(r.outputs)
        _count_copies(len(r.outputs))

    def taken(self) -> None:
        """What is on it was copied into bytes for gRPC."""
        _count_copies(self.pictures)
        self.pictures = 0

    def release(self) -> None:
        lease, self._lease = self._lease, None
        del self.buffer
        if lease is not None:
            lease.release()


class BatchAnswer:
    """One batch's answer, written in parts by several workers at once."""

    def __init__(
        self,
        prefix: bytes,
        pieces: Sequence[Sequence[Labelled]],
        pool: BytesIOPool,
        max_bytes: int,
        done: Callable[[], None],
    ) -> None:
        self._prefix = prefix
        self._pool = pool
        # The error that takes the place of what is too large must always have room itself.
        reserved_bytes = sum(_error_bytes(frame) for piece in pieces for frame in piece)
        self._left_bytes = max_bytes - len(prefix) - reserved_bytes
        self._done = done
        self._lock = Lock()
        self._unfinished = self._undone = len(pieces)
        self.parts = [BatchPart(self, len(piece)) for piece in pieces]
        self.message: bytes | None = None  # until all is there, or if something could not be

    def sheet(self) -> Sheet:
        return Sheet(self._pool)

    def take_room(self, nbytes: int, *, always: bool = False) -> bool:
        """Whether the answer may grow by so much. Its cap is one for all parts."""
        with self._lock:
            if nbytes > self._left_bytes and not always:
                return False
            self._left_bytes -= nbytes
            return True

    def part_finished(self) -> None:
        with self._lock:
            self._unfinished -= 1
            last = not self._unfinished
        if last:
            self._join()

    def _join(self) -> None:
        sheets = [part.sheet for part in self.parts if part.sheet is not None]
        views: list[memoryview] = []
        try:
            if not any(part.unanswered for part in self.parts):
                views += [sheet.buffer.written() for sheet in sheets]
                self.message = b"".join([self._prefix, *views])
                for sheet in sheets:
                    sheet.taken()
        finally:
            for view in views:
                view.release()
            views.clear()
            for sheet in sheets:
                sheet.release()

    def part_done(self) -> None:
        with self._lock:
            self._undone -= 1
            last = not self._undone
        if last:
            # Each part knows the whole: a ring would keep the answer's bytes until a collection.
            self.parts.clear()
            self._done()


class BatchPart:
    """What one worker writes."""

    __slots__ = ("_whole", "sheet", "unanswered")

    def __init__(self, whole: BatchAnswer, frames: int) -> None:
        self._whole = whole
        self.unanswered = frames
        self.sheet: Sheet | None = None

    def add(self, report: FrameReport) -> None:
        whole, reserved_bytes = self._whole, _error_bytes(report)
        if self.sheet is None:
            self.sheet = whole.sheet()
        taken_bytes = wire.result_bytes_bound(report) - reserved_bytes
        if not whole.take_room(taken_bytes):
            _too_large(report)
            taken_bytes = wire.result_bytes_bound(report) - reserved_bytes
            whole.take_room(taken_bytes, always=True)
        try:
            self.sheet.write(wire.write_result, report)
        except BaseException:
            whole.take_room(-taken_bytes, always=True)
            raise
        self.unanswered -= 1

    def finish(self) -> None:
        self._whole.part_finished()


class StreamAnswer:
    """The answer to one task of a stream, as messages that stock clients accept."""

    __slots__ = (
        "_max_bytes", "_max_message_bytes", "_pool", "_published", "_sheet", "_unanswered",
        "_wait_s", "_watcher", "clones", "dropped", "failed", "messages", "ok",
    )  # fmt: skip

    def __init__(
        self,
        frames: int,
        pool: BytesIOPool,
        max_bytes: int,
        max_message_bytes: int,
        wait_s: float = WAIT_S,
        *,
        watcher: Watcher | None = None,
        published: bool = False,
    ) -> None:
        self._unanswered = frames
        self._watcher = watcher
        self._published = published
        self.clones: list[Clone] = []  # of the frames that are ok, for those who subscribe
        self.ok = self.failed = self.dropped = 0  # frames; written by whoever does the task
        self._pool = pool
        self._wait_s = wait_s
        self._max_bytes = max_bytes  # kept under where a single result allows it
        self._max_message_bytes = max_message_bytes
        self._sheet: Sheet | None = None
        self.messages: list[bytes] = []

    def add(self, report: FrameReport) -> None:
        nbytes = wire.result_bytes_bound(report)
        if nbytes > self._max_message_bytes:
            _too_large(report)
            nbytes = wire.result_bytes_bound(report)
        if self._sheet is None:
            self._sheet = Sheet(self._pool, self._wait_s)
        elif self._sheet.buffer.end() + nbytes > self._max_bytes:
            self._flush(self._sheet)
        start = self._sheet.buffer.end()
        self._sheet.write(wire.write_stream_result, report)
        self._unanswered -= 1
        if report.status is FrameStatus.OK:
            self.ok += 1
            if self._published:
                self.clones.append(self._clone(report, self._sheet, start))
            if self._watcher is not None:
                self._watcher.offer(report)
        elif report.status is FrameStatus.DROPPED:
            self.dropped += 1
        else:
            self.failed += 1

    @staticmethod
    def _clone(report: FrameReport, sheet: Sheet, start: int) -> Clone:
        """What was just written: a result among others is, byte by byte, a subscriber's message."""
        with sheet.buffer.written() as view:
            message = bytes(view[start:])
        for _ in report.outputs:
            copies.CLONE.add()
        return Clone(report.stream_id, message, report.captured_at_ns, report.received_at_ns)

    @property
    def whole(self) -> bool:
        """Whether the messages have a result for every frame."""
        return not self._unanswered and self._sheet is None

    def finish(self) -> None:
        sheet = self._sheet
        if sheet is not None:
            try:
                self._flush(sheet)
                self._sheet = None
            finally:
                sheet.release()

    def _flush(self, sheet: Sheet) -> None:
        with sheet.buffer.written() as view:
            if view.nbytes:
                self.messages.append(b"".join((wire.stream_results_prefix(view.nbytes), view)))
                sheet.taken()
        sheet.buffer.restart()


def _count_copies(pictures: int) -> None:
    for _ in range(pictures):
        copies.WIRE.add()


def _error_bytes(labelled: Labelled) -> int:
    return _ERROR_BYTES + len(labelled.stream_id.encode()) + len(labelled.trace_id.encode())


def _too_large(report: FrameReport) -> None:
    nbytes = sum(output.data.nbytes for output in report.outputs)
    fail(
        report,
        FrameError(
            Reason.RESPONSE_TOO_LARGE,
            f"its outputs have {nbytes:,} bytes, more than the answer may still take: send fewer "
            "frames at once, or ask for smaller outputs",
        ),
    )


def call_later(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """From a worker's thread. A loop that is closed has nobody left to tell."""
    try:
        loop.call_soon_threadsafe(call)
    except RuntimeError:
        if not loop.is_closed():
            raise
