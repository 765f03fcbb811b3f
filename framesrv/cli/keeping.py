"""Where `subscribe` puts what it watches: the sinks of `send`, by stream and by time."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final, Protocol

from framesrv.cli.outcome import Fault
from framesrv.cli.sinks import FolderSink, NoSink, Outputs, Sink, VideoSink, open_sink
from framesrv.client import MergedFrame, Result

_STILL_S: Final = 10.0  # a longer silence is cut to this: a film shall not fill the disk with it
_FOLDERS_MAX: Final = 4096
_NAME_MAX: Final = 64


class Keeper(Protocol):
    def frame(self, number: int, result: Result) -> None:
        """A frame, and which of its stream's frames it is, from 1, the missed ones counted."""

    def merged(self, number: int, merged: MergedFrame) -> None: ...

    def close(self) -> str:
        """Finish what was begun, also after an interrupt. Says what was written, for people."""


def open_keeper(
    out: str, streams: tuple[str, ...], fps: float, *, merged: bool, force: bool
) -> Keeper:
    """Raises Fault if nothing could be written there."""
    sink = open_sink(out, fps, force=force)
    if isinstance(sink, NoSink):
        return _Single(sink)
    if isinstance(sink, VideoSink):
        if not merged and len(streams) != 1:
            sink.close()
            raise Fault(f"--out {out}: a video holds one stream, or several with --merge; "
                        "for each its own pictures, name a folder")  # fmt: skip
        return _Film(sink, FilmPace(fps))
    if merged or len(streams) == 1:
        return _Single(sink)
    return _Folders(Path(out), force=force, names=streams)


class _Single:
    """One folder for all, or nothing."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def frame(self, number: int, result: Result) -> None:
        self._sink.take(number, result.outputs)

    def merged(self, number: int, merged: MergedFrame) -> None:
        self._sink.take(number, _mosaic(merged))

    def close(self) -> str:
        return self._sink.close()


class _Folders:
    """A folder for each stream, made when its first frame comes."""

    def __init__(self, folder: Path, *, force: bool, names: tuple[str, ...]) -> None:
        self._folder = folder
        self._force = force
        self._sinks: dict[str, FolderSink] = {}
        for name in names:  # what is there already is told before anything is asked for
            if (folder / folder_name(name)).exists():
                self._sink(name)

    def frame(self, number: int, result: Result) -> None:
        self._sink(result.stream_id).take(number, result.outputs)

    def merged(self, number: int, merged: MergedFrame) -> None:
        raise RuntimeError("a merge is kept in one place")

    def _sink(self, name: str) -> FolderSink:
        sink = self._sinks.get(name)
        if sink is None:
            if len(self._sinks) >= _FOLDERS_MAX:
                raise Fault(f"--out {self._folder}: more than {_FOLDERS_MAX} streams have come, "
                            "each with a folder of its own; name those you want")  # fmt: skip
            sink = FolderSink(self._folder / folder_name(name), force=self._force)
            self._sinks[name] = sink
        return sink

    def close(self) -> str:
        told = [sink.close() for sink in self._sinks.values()]
        if len(told) <= 4:
            return ", ".join(told) or f"no file in {self._folder}"
        return ", ".join([*told[:3], f"and {len(told) - 3} folders more"])


class _Film:
    def __init__(self, sink: VideoSink, pace: FilmPace) -> None:
        self._sink = sink
        self._pace = pace

    def frame(self, number: int, result: Result) -> None:
        self._take(result.captured_at_ns or result.received_at_ns, result.outputs)

    def merged(self, number: int, merged: MergedFrame) -> None:
        self._take(merged.window_open_ns, _mosaic(merged))

    def _take(self, at_ns: int, outputs: Outputs) -> None:
        if not outputs:
            return
        still = self._pace.still(at_ns / 1e9)
        if still is None:
            return
        for _ in range(still):
            self._sink.take(0, {})  # the picture before stands
        self._sink.take(0, outputs)

    def close(self) -> str:
        return self._sink.close()


class FilmPace:
    """Puts pictures that come at any times into a film of so many a second.

    >>> pace = FilmPace(10)
    >>> [pace.still(at) for at in (50.0, 50.1, 50.11, 50.5, 50.6)]
    [0, 0, None, 3, 0]
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._first: float | None = None  # when the film began
        self._next = 0  # the number of the next picture of the film

    def still(self, at_s: float) -> int | None:
        """How often the picture before is to be repeated first; None: leave this one out."""
        if self._first is None:
            self._first = at_s
        due = round((at_s - self._first) * self._fps)
        most = round(_STILL_S * self._fps)
        if not self._next - most <= due <= self._next + most:
            # Silence for long; or another publisher, with another clock.
            due = self._next + most if due > self._next else self._next
            self._first = at_s - due / self._fps
        if due < self._next:
            return None
        still = due - self._next
        self._next = due + 1
        return still


def folder_name(stream_id: str) -> str:
    """A name that file systems take as it is, and that no two streams share.

    >>> folder_name("door-2"), folder_name("../yard"), folder_name(".")
    ('door-2', '___yard-c6c36ba9', '_-cdb4ee2a')
    """
    tame = re.sub(r"[^A-Za-z0-9_-]", "_", stream_id)[:_NAME_MAX]
    if tame == stream_id and tame == tame.lower():
        return tame
    return f"{tame}-{hashlib.sha256(stream_id.encode()).hexdigest()[:8]}"


def _mosaic(merged: MergedFrame) -> Outputs:
    return {} if merged.mosaic is None else {"mosaic": merged.mosaic}
