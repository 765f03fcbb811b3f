"""Pictures of published streams, while somebody looks at them; only where that was allowed.

Workers copy a picture twice a second, of the streams that are looked at and of no other. What is
left to do is done in a thread of its own, for nobody but the one that asks.
"""

from __future__ import annotations

import asyncio
import logging
from math import ceil, sqrt
from threading import Lock
from time import monotonic_ns
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from framesrv import codecs
from framesrv.frames import copies
from framesrv.frames.form import Form
from framesrv.frames.layout import PixelFormat
from framesrv.frames.work import Encoding, FrameReport, OutputImage
from framesrv.observability.refusals import Refusal
from framesrv.observability.watched import Watched
from framesrv.pool.scratch import ScratchBytesIO
from framesrv.streams.tally import StreamTally

Pixels = npt.NDArray[np.uint8]

log = logging.getLogger("framesrv.http")

STREAMS_MAX: Final = 16
PICTURE_BYTES_MAX: Final = 1024 * 1024
EVERY_NS: Final = 500_000_000
WANTED_NS: Final = 5_000_000_000  # after that, nobody looks any more
_FIRST_S_MAX: Final = 1.0  # how long one waits for a stream's next frame
_LOOK_S: Final = 0.05
_QUALITY: Final = 80
_TYPES: Final = {Encoding.PNG: "image/png", Encoding.WEBP: "image/webp"}
_JPEG: Final = "image/jpeg"
_NOT_THERE: Final = Refusal(404, "unknown_stream", "no stream of this id is published now")
_TOO_MANY: Final = Refusal(
    503,
    "too_many_previews",
    f"{STREAMS_MAX} streams are looked at, and there may be no more",
    {"Retry-After": "5"},
)
_NOT_YET: Final = Refusal(
    503, "no_picture", "no picture of it has come yet that is small enough", {"Retry-After": "1"}
)


class Picture(NamedTuple):
    data: bytes
    content_type: str


class Clone(NamedTuple):
    """Of the heap: a picture as it was encoded, or pixels that are still to be."""

    picture: Picture | None
    pixels: Pixels | None = None
    form: Form | None = None


class Watch:
    """One stream that is looked at."""

    def __init__(self, tally: StreamTally) -> None:
        self.tally = tally
        self.until_ns = 0
        self.clone: Clone | None = None
        self._due_ns = 0
        self._turn = Lock()

    def offer(self, report: FrameReport) -> None:
        """Of several workers one copies, and the others do not wait for it."""
        if monotonic_ns() < self._due_ns or not self._turn.acquire(blocking=False):
            return
        try:
            self._due_ns = monotonic_ns() + EVERY_NS
            clone = next((made for output in report.outputs if (made := _clone(output))), None)
            if clone is not None:
                self.clone = clone
                copies.CLONE.add()
        except Exception:  # a picture to look at is worth no frame
            log.exception("a preview could not be copied")
        finally:
            self._turn.release()


class Previews:
    """Used by the HTTP listener's thread only."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._watches: dict[StreamTally, Watch] = {}
        self._encoding = asyncio.Lock()

    async def picture(self, stream_id: str) -> Picture | Refusal:
        watch = self._watch(stream_id)
        if isinstance(watch, Refusal):
            return watch
        until_ns = monotonic_ns() + round(_FIRST_S_MAX * 1e9)
        while watch.clone is None and monotonic_ns() < until_ns:
            await asyncio.sleep(_LOOK_S)
        picture = await self._picture(watch)
        if self._watched.published(stream_id) is not watch.tally:
            return _NOT_THERE
        return picture or _NOT_YET

    async def _picture(self, watch: Watch) -> Picture | None:
        """Once for all who wait: of a crowd that looks, only the first has it encoded."""
        async with self._encoding:
            clone = watch.clone
            if clone is None or clone.picture is not None:
                return clone and clone.picture
            picture = await asyncio.to_thread(_encoded, clone)
        if watch.clone is clone:  # else a newer one has come meanwhile
            watch.clone = Clone(picture)
        return picture

    def look_after(self) -> None:
        """Let go of the streams that have ended, or that nobody looks at any more."""
        now_ns = monotonic_ns()
        for tally, watch in list(self._watches.items()):
            if now_ns > watch.until_ns or self._watched.published(tally.stream_id) is not tally:
                tally.watcher = None
                del self._watches[tally]

    def _watch(self, stream_id: str) -> Watch | Refusal:
        tally = self._watched.published(stream_id)
        if tally is None:
            return _NOT_THERE
        watch = self._watches.get(tally)
        if watch is None:
            if len(self._watches) >= STREAMS_MAX:
                return _TOO_MANY
            watch = self._watches[tally] = Watch(tally)
        watch.until_ns = monotonic_ns() + WANTED_NS
        tally.watcher = watch
        return watch


def _clone(output: OutputImage) -> Clone | None:
    """None: it is too large to be copied."""
    if output.encoding is Encoding.RAW:
        return _thinned(output)
    if output.data.nbytes > PICTURE_BYTES_MAX:
        return None
    return Clone(Picture(bytes(output.data), _TYPES.get(output.encoding, _JPEG)))


def _thinned(output: OutputImage) -> Clone:
    """Every so many rows and columns, so that it is small; of planar formats the grey plane."""
    layout = output.layout
    pixels = np.frombuffer(output.data, np.uint8)
    if layout.is_planar:
        kind = PixelFormat.GRAY8
        pixels = pixels[: layout.height * layout.width].reshape(layout.height, layout.width)
    else:
        kind = PixelFormat(layout.format)
        pixels = pixels.reshape(layout.array_shape)
    step = ceil(sqrt(pixels.nbytes / PICTURE_BYTES_MAX))
    small = pixels[::step, ::step].copy()
    return Clone(None, small, Form(small.shape[1], small.shape[0], kind))


def _encoded(clone: Clone) -> Picture:
    if clone.pixels is None or clone.form is None:
        raise ValueError("a clone has a picture or pixels")
    buffer = ScratchBytesIO()
    codecs.encode(clone.pixels, clone.form, Encoding.JPEG, _QUALITY, buffer)
    with buffer.written() as view:
        return Picture(bytes(view), _JPEG)
