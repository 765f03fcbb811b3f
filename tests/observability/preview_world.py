"""Published streams that are opened and closed by a test, and whose workers are the test."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Any

from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import Encoding, FrameReport, FrameStatus, OutputImage
from framesrv.observability.live.previews import Picture, Previews
from framesrv.observability.refusals import Refusal
from framesrv.pool import PoolManager
from framesrv.streams import StreamRegistry, StreamTally
from tests.observability.helpers import watched


def report(data: bytes = b"\xff\xd8 a picture", encoding: Encoding = Encoding.JPEG) -> FrameReport:
    output = OutputImage("main", encoding, ImageLayout(4, 2, PixelFormat.BGR24), memoryview(data))
    return FrameReport(request_id="r", status=FrameStatus.OK, outputs=[output])


def raw(pixels: Any, kind: PixelFormat) -> FrameReport:
    height, width = pixels.shape[:2]
    if kind in (PixelFormat.NV12, PixelFormat.I420):
        height = height * 2 // 3
    layout = ImageLayout(width, height, kind)
    output = OutputImage("main", Encoding.RAW, layout, memoryview(pixels.tobytes()))
    return FrameReport(request_id="r", status=FrameStatus.OK, outputs=[output])


class World:
    def __init__(self) -> None:
        self.registry = StreamRegistry()
        seen = watched(PoolManager(1 << 24))
        self.watched = dataclasses.replace(
            seen, open_streams=self.registry.tallies, published=self.registry.published
        )
        self.previews = Previews(self.watched)

    def opened(self, stream_id: str = "cam", *, published: bool = True) -> StreamTally:
        tally = StreamTally(stream_id, published=published)
        self.registry.enter(tally)
        return tally

    async def asked(self, stream_id: str, *reports: FrameReport) -> Picture | Refusal:
        """Ask, and let a worker offer these as soon as it is watched."""
        picture = asyncio.ensure_future(self.previews.picture(stream_id))
        tally = self.registry.published(stream_id)
        while tally is not None and tally.watcher is None and not picture.done():
            await asyncio.sleep(0)
        for each in reports:
            if tally is not None and tally.watcher is not None:
                tally.watcher.offer(each)
        return await picture


def run(body: Callable[[World], Any]) -> None:
    async def running() -> None:
        await body(World())

    asyncio.run(running())
