"""A merge keeps so many bytes: in windows that wait for frames, or for their picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.merger import Merger
from framesrv.streams.news import Clone, Gap, MergedClone
from framesrv.streams.settings import MIB, FanOutSettings
from framesrv.streams.windows import Window, Windows

LARGE = 100_000
MOST = 4 * LARGE
STREAMS = tuple("abcdefgh")


class HandLoop:
    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []

    def call_soon(self, call: Callable[[], None]) -> None:
        self.soon.append(call)

    def call_later(self, delay: float, call: Callable[[], None]) -> Any:
        class Handle:
            def cancel(self) -> None:
                pass

        return Handle()

    def go_on(self) -> None:
        while self.soon:
            self.soon.pop(0)()


class SlowPainter:
    """Draws when it is told to."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self._done: list[Callable[[None], None]] = []

    def draw(self, window: Window, done: Callable[[None], None]) -> bool:
        self.windows.append(window)
        self._done.append(done)
        return True

    def end(self) -> None:
        self._done.pop(0)(None)


def frame(stream_id: str, at: int) -> Clone:
    return Clone(stream_id, bytes(LARGE), at, at)


def test_a_window_that_is_too_large_by_itself_is_over_as_it_is() -> None:
    windows = Windows(STREAMS, 10, 10**9, MOST)
    told: list[Window] = []
    for stream_id in STREAMS:
        windows.add(frame(stream_id, 5), 0)
        told += windows.over(0, set(STREAMS))
        assert sum(window.nbytes for window in windows._open.values()) <= MOST
    assert [sorted(window.fragments) for window in told] == [list("abcde")]
    assert windows.late_frames == 3


def test_windows_that_wait_for_their_picture_are_bounded_and_all_is_told_of_them() -> None:
    dispatcher = Dispatcher(FanOutSettings(buffer_bytes=100 * MIB))
    publication = dispatcher.start("a")
    loop, painter = HandLoop(), SlowPainter()
    merger = Merger(
        dispatcher,
        Windows(("a",), 10, 10, MOST),
        lambda window, complete, picture: b"told",
        loop,
        lambda: None,
        painter=painter,
        clock=lambda: 0,
    )
    viewer = merger.join(256, lambda: None)
    for number in range(20):
        publication.publish([frame("a", 10 * number + 5)])
        loop.go_on()
        assert sum(window.nbytes for window in merger._undrawn) <= MOST
    drawn = 0
    while merger._undrawn:
        painter.end()
        drawn += 1
    missed = got = 0
    while news := viewer.take():
        missed += sum(one.frames for one in news if isinstance(one, Gap))
        got += sum(isinstance(one, MergedClone) for one in news)
    assert drawn == got == 4
    assert (missed, merger.undrawn_windows) == (16, 16)
