"""What is shown while frames are on their way: a live bar, or now and then a plain line."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, TextIO

from framesrv.cli.recent import Recent
from framesrv.cli.spread import Spread

if TYPE_CHECKING:
    from framesrv.client import Result

PLAIN_EVERY_S: Final = 3.0


class Figure(NamedTuple):
    text: str
    style: str = "default"  # of rich, where colours can be seen


class Shown(Protocol):
    """What a board asks of whoever counts."""

    @property
    def clock(self) -> Callable[[], float]: ...
    @property
    def frames(self) -> int: ...
    def figures(self) -> list[Figure]:
        """Those of the last seconds, and what is worth a colour."""


@dataclass(slots=True)
class Meter:
    """Counts, and the latencies of the last seconds and of all time."""

    clock: Callable[[], float] = monotonic
    ok: int = 0
    failed: int = 0
    dropped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    example: str = ""  # of a failure, in the server's words
    bytes_in: int = 0
    latency: Spread = field(default_factory=Spread)
    _recent: Recent = field(default_factory=Recent)
    _began: float = 0.0
    _last: float = 0.0

    @property
    def frames(self) -> int:
        return self.ok + self.failed + self.dropped

    def start(self) -> None:
        self._began = self._last = self.clock()
        self._recent.start(self._began)

    def take(self, result: Result, latency_s: float | None) -> None:
        self._last = self.clock()
        if result.status == "ok":
            self.ok += 1
            self.bytes_in += sum(len(image.bytes) for image in result.outputs.values())
        elif result.error is not None:
            self.miss(result.status, result.error.reason or "UNKNOWN", result.error.message)
        else:
            self.miss(result.status, "UNKNOWN", "no reason was given")
        if latency_s is not None and result.status == "ok":
            self.latency.add(latency_s)
        else:
            latency_s = None  # that of a refusal would make the figures look better
        self._recent.add(self._last, latency_s)

    def miss(self, status: str, reason: str, message: str = "", times: int = 1) -> None:
        if status == "dropped":
            self.dropped += times
        else:
            self.failed += times
            self.example = self.example or message
        self.reasons[reason] += times

    @property
    def seconds(self) -> float:
        """From the start to the last result."""
        return self._last - self._began

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    def figures(self) -> list[Figure]:
        fps, p50_s, p99_s = self._recent.now(self.clock())
        return [
            Figure(f"{fps:.1f} FPS", "bold cyan"),
            Figure(f"p50 {p50_s * 1e3:.0f} ms"),
            Figure(f"p99 {p99_s * 1e3:.0f} ms"),
            Figure(f"{self.dropped} dropped", "yellow" if self.dropped else "dim"),
            Figure(f"{self.failed} failed", "bold red" if self.failed else "dim"),
        ]


class Board(Protocol):
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def tick(self) -> None:
        """Something has changed."""


def board(name: str, total: int | None, meter: Shown, stream: TextIO | None = None) -> Board:
    stream = stream or sys.stderr
    if stream.isatty():
        return LiveBoard(name, total, meter, stream)
    return PlainBoard(name, total, meter, stream)


class PlainBoard:
    def __init__(self, name: str, total: int | None, meter: Shown, stream: TextIO) -> None:
        self._name = name
        self._of = f"/{total}" if total else ""
        self._meter = meter
        self._stream = stream
        self._next = meter.clock() + PLAIN_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def tick(self) -> None:
        now = self._meter.clock()
        if now < self._next:
            return
        self._next = now + PLAIN_EVERY_S
        meter = self._meter
        figures = ", ".join(figure.text for figure in meter.figures())
        print(f"{self._name}: {meter.frames}{self._of} frames, {figures}",
              file=self._stream, flush=True)  # fmt: skip


class LiveBoard:
    """rich draws in a thread of its own; a result only changes numbers."""

    def __init__(self, name: str, total: int | None, meter: Shown, stream: TextIO) -> None:
        from rich.console import Console, RenderableType
        from rich.markup import escape
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        class TwoLines(Progress):
            def get_renderables(self) -> Iterator[RenderableType]:
                yield from super().get_renderables()
                yield _coloured(meter)

        self._meter = meter
        self._progress = TwoLines(
            SpinnerColumn(),
            TextColumn("[bold]{task.description}", markup=True),
            BarColumn(bar_width=28),
            MofNCompleteColumn() if total else TextColumn("{task.completed} frames"),
            TimeElapsedColumn(),
            console=Console(file=stream),
            refresh_per_second=8,
            transient=True,  # the summary takes its place
        )
        self._task = self._progress.add_task(escape(name[:32]), total=total)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def tick(self) -> None:
        self._progress.update(self._task, completed=self._meter.frames)


def _coloured(meter: Shown) -> Any:
    from rich.text import Text

    text = Text()
    for figure in meter.figures():
        text.append(f"  {figure.text}", style=figure.style)
    return text
