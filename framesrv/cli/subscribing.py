"""One run of `subscribe`: from the server into what keeps it, and what came."""

from __future__ import annotations

import json
import re
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from framesrv.cli.keeping import Keeper, open_keeper
from framesrv.cli.outcome import Exit, Fault, counted
from framesrv.cli.progress import board
from framesrv.cli.reaching import Server, refused
from framesrv.cli.sources import quiet_opencv
from framesrv.cli.view_meter import ViewMeter, sized
from framesrv.client import (
    CallFailed,
    Count,
    FrameClient,
    Merge,
    MergedFrame,
    Mosaic,
    Result,
    Subscription,
)

_FILM_FPS: Final = 30.0
_WIDTH, _HEIGHT = 1280, 720
_LATENESS_S: Final = 0.3
_SIDE_MAX: Final = 8192  # of a server as it comes


@dataclass(frozen=True, slots=True)
class Subscribing:
    """The command's arguments."""

    streams: tuple[str, ...]
    all_streams: bool
    wait: bool
    outputs: tuple[str, ...]
    queue: int | None
    frames: int
    seconds: float | None
    merge_s: float | None
    lateness_s: float | None
    mosaic: str | None
    columns: int
    server: Server
    out: str
    force: bool
    fps: float | None

    def check(self) -> None:
        """Raises Fault for what contradicts itself."""
        if not self.streams and not self.all_streams:
            raise Fault("name the streams to watch, or give --all; `framesrv top` lists those that "
                        "are there")  # fmt: skip
        if self.streams and self.all_streams:
            raise Fault("--all and names of streams contradict each other: give one or the other")
        for each in self.streams:
            if not each or self.streams.count(each) > 1:
                raise Fault(f"stream {each!r}: each is named once, by an id that is not empty")
        if self.merge_s is None and (self.lateness_s is not None or self.mosaic or self.columns):
            raise Fault("--lateness, --mosaic and --columns are for --merge, which joins streams: "
                        "give --merge with the length of a window, such as 0.1")  # fmt: skip
        if self.merge_s is not None and self.all_streams:
            raise Fault("--merge needs the streams by name, not --all: only so is it known when a "
                        "window is complete")  # fmt: skip
        if self.columns and not self.mosaic and self.out == "none":
            raise Fault("--columns is for a mosaic, and there is none: give --mosaic or --out")

    def merge(self) -> Merge | None:
        if self.merge_s is None:
            return None
        late_s = _LATENESS_S if self.lateness_s is None else self.lateness_s
        if not self.mosaic and self.out == "none":
            return Merge(self.merge_s, late_s)
        sides = mosaic_size(self.mosaic) if self.mosaic else (_WIDTH, _HEIGHT)
        return Merge(self.merge_s, late_s, Mosaic(*sides, columns=self.columns, alone=True))

    @property
    def film_fps(self) -> float:
        if self.fps is not None:
            return self.fps
        return max(1.0, 1 / self.merge_s) if self.merge_s else _FILM_FPS

    @property
    def name(self) -> str:
        return ", ".join(self.streams) or "all streams"


def mosaic_size(text: str) -> tuple[int, int]:
    """
    >>> mosaic_size("1280x720")
    (1280, 720)
    """
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(1 <= side <= _SIDE_MAX for side in sides):
        raise Fault(f"--mosaic {text}: write WIDTHxHEIGHT, as in 1280x720, with sides of 1 to "
                    f"{_SIDE_MAX} pixels")  # fmt: skip
    return sides


@dataclass(slots=True)
class Outcome:
    asked: Subscribing
    meter: ViewMeter
    streams: dict[str, Count] = field(default_factory=dict)
    notes: str = ""  # what was written, for people
    error: Fault | None = None
    interrupted: bool = False
    example: str = ""

    @property
    def code(self) -> Exit:
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.error is not None:
            return self.error.code
        # Of a merge, frames are left out by design: the newest of a window stands for it.
        missed = self.meter.missed and self.asked.merge_s is None
        return Exit.FRAMES if missed or not self.meter.frames else Exit.OK

    def text(self) -> str:
        meter = self.meter
        if self.asked.merge_s is None:
            parts = [f"{counted(meter.frames, 'frame')}, {meter.missed} missed"]
        else:
            windows = f"{counted(meter.frames, 'window')} with {counted(meter.fragments, 'frame')}"
            parts = [f"{windows}, {meter.missed} left out; {meter.incomplete} incomplete"]
        if len(self.streams) > 1:
            each = [f"{name} {count.delivered}" for name, count in sorted(self.streams.items())[:8]]
            more = [f"{len(self.streams) - 8} more"] if len(self.streams) > 8 else []
            parts.append(", ".join(each + more))
        parts += [f"{meter.seconds:.1f} s, {meter.fps:.1f} FPS", sized(meter.bytes_in)]
        parts += [self.notes] if self.notes else []
        return ("interrupted; " if self.interrupted else "") + "; ".join(parts)

    def json(self) -> str:
        meter = self.meter
        return json.dumps(
            {
                "streams": {
                    name: {"delivered": count.delivered, "missed": count.missed}
                    for name, count in sorted(self.streams.items())
                },
                "to": self.asked.server.to,
                "frames": meter.frames,
                "merged_frames": meter.fragments,
                "incomplete": meter.incomplete,
                "missed": meter.missed,
                "started": meter.started,
                "ended": meter.ended,
                "seconds": round(meter.seconds, 3),
                "fps": round(meter.fps, 2),
                "bytes_received": meter.bytes_in,
                "written": self.notes,
                "interrupted": self.interrupted,
                "error": self.error.message if self.error else None,
                "exit_code": int(self.code),
            }
        )


def run(asked: Subscribing) -> Outcome:
    """Raises Fault for what can be seen before the first frame comes."""
    asked.check()
    merge = asked.merge()
    quiet_opencv()
    outcome = Outcome(asked, ViewMeter(merged=merge is not None))
    with ExitStack() as ends:
        client = ends.enter_context(asked.server.client())
        asked.server.reach(client)
        subscription = _subscription(client, asked, merge)
        keeper = open_keeper(
            asked.out, asked.streams, asked.film_fps, merged=merge is not None, force=asked.force
        )
        try:
            _watch(subscription, keeper, outcome)
        except KeyboardInterrupt:
            outcome.interrupted = True
        except CallFailed as error:
            outcome.error = refused(error)
        except Fault as fault:
            outcome.error = fault
        finally:
            outcome.streams = dict(subscription.streams)
            outcome.notes = keeper.close()
    return outcome


def _subscription(client: FrameClient, asked: Subscribing, merge: Merge | None) -> Subscription:
    try:
        return client.subscribe(
            *asked.streams,
            all_streams=asked.all_streams,
            outputs=asked.outputs,
            queue_frames=asked.queue,
            wait=asked.wait,
            merge=merge,
        )
    except ValueError as error:
        raise Fault(str(error)) from None


def _watch(subscription: Subscription, keeper: Keeper, outcome: Outcome) -> None:
    asked, meter = outcome.asked, outcome.meter
    with ExitStack() as ends:
        show = ends.enter_context(board(asked.name, asked.frames or None, meter))
        meter.start()
        ends.enter_context(subscription)
        if asked.seconds is not None:
            end = threading.Timer(asked.seconds, subscription.close)
            end.daemon = True
            end.start()
            ends.callback(end.cancel)
        for item in subscription:
            meter.take(item)
            if isinstance(item, Result):
                _check_outputs(asked, item)
                keeper.frame(subscription.streams[item.stream_id].received, item)
            elif isinstance(item, MergedFrame):
                keeper.merged(meter.frames, item)
            show.tick()
            if asked.frames and meter.frames >= asked.frames:
                return


def _check_outputs(asked: Subscribing, result: Result) -> None:
    """Of all streams, some may have what others have not; of those that are named, each should."""
    if asked.outputs and not result.outputs and not asked.all_streams:
        raise Fault(f"--outputs {' '.join(asked.outputs)}: {result.stream_id} has no output of "
                    "such a name; without --outputs all of them come")  # fmt: skip
