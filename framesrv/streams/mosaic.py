"""One picture of a window: each stream in its cell, in the order in which they were asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from typing import Final, NamedTuple

import numpy as np

from framesrv import codecs
from framesrv.engine.chore import Chore, Lent
from framesrv.errors import Refused
from framesrv.frames.form import Form
from framesrv.frames.layout import PixelFormat
from framesrv.frames.source import Codec, SourceFrame
from framesrv.frames.work import Encoding, FrameReport, OutputImage
from framesrv.ops.custom import Processors
from framesrv.pipeline.limits import PipelineLimits
from framesrv.pipeline.plan import BYTES_POOL, FramePlan, Plan
from framesrv.pipeline.run import run
from framesrv.pipeline.source import Key, look
from framesrv.pipeline.spec import Fit, Interpolation, OutputSpec, PipelineSpec, Resize
from framesrv.pool.manager import Request
from framesrv.streams.news import Clone
from framesrv.streams.windows import Window

NAME: Final = "mosaic"  # of the output
WIDTH, HEIGHT = 1280, 720  # where nothing is said
# Up to here linear looks at every pixel, as area does, and takes a fifth of its time.
_LINEAR_MAX: Final = 2
_CODECS: Final = {Encoding.JPEG: Codec.JPEG, Encoding.PNG: Codec.PNG, Encoding.WEBP: Codec.WEBP}


class Cell(NamedTuple):
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Mosaic:
    """How the picture is laid out, and how it leaves."""

    columns: int = 0  # 0: as square as can be
    width: int = WIDTH
    height: int = HEIGHT
    encoding: Encoding = Encoding.JPEG

    def faults(self, limits: PipelineLimits, streams: int) -> list[str]:
        faults = []
        side = limits.max_side_pixels
        if not (1 <= self.width <= side and 1 <= self.height <= side):
            faults.append(
                f"the mosaic is {self.width}x{self.height}: a side must be from 1 to {side}, or 0 "
                f"for {WIDTH}x{HEIGHT}"
            )
        elif self.width * self.height > limits.max_output_pixels:
            faults.append(
                f"the mosaic is {self.width}x{self.height}, more than "
                f"{limits.max_output_pixels:,} pixels"
            )
        if self.columns > streams:
            faults.append(f"the mosaic has {self.columns} columns for {streams} streams")
        if not faults and any(0 in cell[2:] for cell in self.cells(streams)):
            faults.append(f"{streams} streams have no room in {self.width}x{self.height} pixels")
        return faults

    def cells(self, streams: int) -> list[Cell]:
        """Row by row, each as large as the others but for a pixel.

        >>> Mosaic(width=100, height=80).cells(3)
        [Cell(x=0, y=0, width=50, height=40), Cell(x=50, y=0, width=50, height=40), \
Cell(x=0, y=40, width=50, height=40)]
        """
        columns = self.columns or ceil(sqrt(streams))
        rows = ceil(streams / columns)
        found = []
        for number in range(streams):
            row, column = divmod(number, columns)
            x, y = column * self.width // columns, row * self.height // rows
            right = (column + 1) * self.width // columns
            found.append(Cell(x, y, right - x, (row + 1) * self.height // rows - y))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicPainter:
    """Has pictures made by the engine's workers."""

    mosaic: Mosaic
    stream_ids: tuple[str, ...]
    picture_of: Callable[[Clone], OutputImage | None]
    submit: Callable[[Chore], bool]
    later: Callable[[Callable[[], None]], None]  # in the thread that asked
    images: codecs.Limits
    pipeline: PipelineLimits

    def draw(self, window: Window, done: Callable[[OutputImage | None], None]) -> bool:
        clones = [window.fragments.get(one) for one in self.stream_ids]
        return self.submit(_Drawing(self, clones, done))


class _Drawing:
    """One mosaic, being made."""

    def __init__(
        self,
        painter: MosaicPainter,
        clones: Sequence[Clone | None],
        done: Callable[[OutputImage | None], None],
    ) -> None:
        self._painter = painter
        self._clones = clones
        self._tell = done
        self._picture: OutputImage | None = None
        self._drawn: list[tuple[Cell, FramePlan, memoryview]] = []
        mosaic = painter.mosaic
        self._form = Form(mosaic.width, mosaic.height, PixelFormat.BGR24)

    def wants(self) -> dict[str, Request]:
        """All at once: frames that are alike share their buffers, one after the other."""
        painter = self._painter
        cells = painter.mosaic.cells(len(self._clones))
        wanted: dict[str, Request] = {"canvas": self._form.shape}
        for cell, clone in zip(cells, self._clones, strict=True):
            image = None if clone is None else painter.picture_of(clone)
            if image is not None:
                wanted |= self._want(cell, image)
        encoding = painter.mosaic.encoding
        if encoding is not Encoding.RAW:
            wanted["encoded"] = BYTES_POOL
        if scratch := codecs.encode_scratch(self._form, encoding):
            wanted["scratch"] = scratch
        return wanted

    def _want(self, cell: Cell, image: OutputImage) -> dict[str, Request]:
        painter = self._painter
        try:
            key, payload = look(_source(image), painter.images)
            plan = _plan_of(cell, key, painter.pipeline)
        except Refused:  # larger than what this server reads: its cell stays dark
            return {}
        self._drawn.append((cell, plan, payload))
        return {f"{id(plan)}.{place}": request for place, request in plan.requests.items()}

    def work(self, lent: Lent) -> None:
        canvas = lent["canvas"]
        canvas[...] = 0  # cells of streams that have no frame stay dark
        for cell, plan, payload in self._drawn:
            buffers = {place: lent[f"{id(plan)}.{place}"] for place in plan.requests}
            report = FrameReport()
            run(plan, payload, buffers, report)
            with report.outputs.pop().data as data:
                shape = (cell.height, cell.width, 3)
                pixels = np.frombuffer(data, np.uint8).reshape(shape)
                canvas[cell.y : cell.y + cell.height, cell.x : cell.x + cell.width] = pixels
                del pixels
        self._picture = OutputImage(
            NAME, self._painter.mosaic.encoding, self._form.layout, memoryview(self._encoded(lent))
        )

    def _encoded(self, lent: Lent) -> bytes:
        encoding, canvas = self._painter.mosaic.encoding, lent["canvas"]
        if encoding is Encoding.RAW:
            return bytes(canvas.data)
        buffer = lent["encoded"]
        quality = self._painter.pipeline.default_quality
        codecs.encode(canvas, self._form, encoding, quality, buffer, scratch=lent.get("scratch"))
        with buffer.written() as view:
            return bytes(view)

    def done(self) -> None:
        self._painter.later(lambda: self._tell(self._picture))


def _source(image: OutputImage) -> SourceFrame:
    if image.encoding is Encoding.RAW:
        return SourceFrame(layout=image.layout, payload=image.data)
    return SourceFrame(codec=_CODECS[image.encoding], payload=image.data)


def _plan_of(cell: Cell, key: Key, limits: PipelineLimits) -> FramePlan:
    plan = _plan(cell.width, cell.height, Interpolation.LINEAR, limits).for_frames_like(key)
    form = plan.source.form  # a JPEG was decoded at a fraction, where one covers the cell
    if max(form.width / cell.width, form.height / cell.height) <= _LINEAR_MAX:
        return plan
    return _plan(cell.width, cell.height, Interpolation.AREA, limits).for_frames_like(key)


@lru_cache(maxsize=512)
def _plan(width: int, height: int, how: Interpolation, limits: PipelineLimits) -> Plan:
    """Shared by all mosaics: of cells of one size there are two."""
    resize = Resize(width, height, how, fit=Fit.CONTAIN)
    return Plan(PipelineSpec((OutputSpec("cell", (resize,), Encoding.RAW),)), limits, Processors())
