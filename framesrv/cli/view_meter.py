"""What `subscribe` counts while it watches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from framesrv.cli.progress import Figure
from framesrv.cli.recent import Recent
from framesrv.client import Gap, Item, MergedFrame, OutputImage, Result, StreamEvent


@dataclass(slots=True)
class ViewMeter:
    merged: bool = False
    clock: Callable[[], float] = monotonic
    frames: int = 0  # windows, of a merge
    fragments: int = 0  # frames in them
    incomplete: int = 0
    missed: int = 0  # or, of a merge, left out: of a window that has a newer one, or too late
    bytes_in: int = 0
    started: int = 0
    ended: int = 0
    last_event: str = ""
    _recent: Recent = field(default_factory=Recent)
    _began: float = 0.0
    _last: float = 0.0

    def start(self) -> None:
        self._began = self._last = self.clock()
        self._recent.start(self._began)

    def take(self, item: Item) -> None:
        if isinstance(item, Result):
            self._frame(*item.outputs.values())
        elif isinstance(item, MergedFrame):
            self.fragments += len(item.fragments)
            self.incomplete += not item.complete
            images = [image for each in item.fragments for image in each.outputs.values()]
            self._frame(*images, *([item.mosaic] if item.mosaic else []))
        elif isinstance(item, Gap):
            self.missed += item.dropped_frames
        elif isinstance(item, StreamEvent):
            self.started += item.state == "started"
            self.ended += item.state == "ended"
            self.last_event = f"{item.stream_id} {item.state}"
        else:
            self.last_event = "the server is closing"

    def _frame(self, *images: OutputImage) -> None:
        self._last = self.clock()
        self._recent.add(self._last)
        self.frames += 1
        self.bytes_in += sum(len(image.bytes) for image in images)

    @property
    def seconds(self) -> float:
        """From the start to the last frame."""
        return self._last - self._began

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def figures(self) -> list[Figure]:
        fps, _, _ = self._recent.now(self.clock())
        told = [Figure(f"{fps:.1f} FPS", "bold cyan")]
        if self.merged:
            told.append(Figure(f"{self.missed} left out", "dim"))
            told.append(Figure(f"{self.incomplete} incomplete", _warn(self.incomplete)))
        else:
            told.append(Figure(f"{self.missed} missed", _warn(self.missed)))
        told.append(Figure(sized(self.bytes_in)))
        return [*told, Figure(self.last_event, "magenta")] if self.last_event else told


def _warn(number: int) -> str:
    return "yellow" if number else "dim"


def sized(number: int) -> str:
    """
    >>> sized(999), sized(1_234_567), sized(5_000_000_000)
    ('999 B', '1.2 MB', '5.0 GB')
    """
    size = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
