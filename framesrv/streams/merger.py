"""One merge for all who ask alike: it watches the streams, and tells of each window once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns
from typing import Any, Final, Protocol

from framesrv.frames.work import OutputImage
from framesrv.streams.channel import Channel, Seat
from framesrv.streams.dispatcher import Dispatcher
from framesrv.streams.news import Clone, Gap, MergedClone, State
from framesrv.streams.viewer import Viewer
from framesrv.streams.windows import Window, Windows

_UNDRAWN_MAX: Final = 32  # windows that wait for their picture; of more, the oldest is left out


class Loop(Protocol):
    """Of asyncio's, what is needed."""

    def call_soon(self, call: Callable[[], None], /) -> Any: ...

    def call_later(self, delay: float, call: Callable[[], None], /) -> Any: ...


class Painter(Protocol):
    """Makes one picture of a window, somewhere else."""

    def draw(self, window: Window, done: Callable[[OutputImage | None], None]) -> bool:
        """Whether ``done`` will be called, by the thread that called this."""
        ...


class Writer(Protocol):
    def __call__(self, window: Window, complete: bool, picture: OutputImage | None) -> bytes:
        """The message that tells of it."""
        ...


class Merger:
    def __init__(
        self,
        dispatcher: Dispatcher,
        windows: Windows,
        write: Writer,
        loop: Loop,
        over: Callable[[], None],
        /,
        *,
        painter: Painter | None = None,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self.stream_ids = stream_ids = tuple(windows.decided)
        self.windows = windows
        self.told: Channel[MergedClone] = dispatcher.derive()
        self.decided = dict(windows.decided)  # of each stream, its frames up to the last one told
        self.live = {one for one in stream_ids if dispatcher.is_live(one)}
        self.complete_windows = self.incomplete_windows = self.undrawn_windows = 0
        self._dispatcher = dispatcher
        self._write = write
        self._loop = loop
        self._over = over  # nobody watches it any more
        self._painter = painter
        self._clock = clock
        self._undrawn: deque[Window] = deque()
        self._drawing = False
        self._soon = False
        self._timer: Any = None
        self._closed = False
        most = dispatcher.settings.max_queue_frames
        self._subscription = dispatcher.listen(stream_ids, most, self._wake)

    def join(self, queue_windows: int, wake: Callable[[], None]) -> Viewer:
        return Viewer(self, queue_windows, wake)

    def leave(self, seat: Seat[MergedClone]) -> None:
        self._dispatcher.stood_up(self.told, seat)
        if not self.told.seats:
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._over()
        self._subscription.close()
        self._dispatcher.drop(self.told)
        self._stop_timer()
        self._undrawn.clear()

    def holds(self, stream_id: str) -> bool:
        """Whether a frame of this stream is on its way through here."""
        waits = any(stream_id in window.fragments for window in self._undrawn)
        return waits or self.windows.holds(stream_id)

    # -- what comes ------------------------------------------------------------------------

    def _wake(self) -> None:
        """Not at once: whoever publishes is not kept waiting."""
        if not self._soon:
            self._soon = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._soon = False
        if self._closed:
            return
        now_ns, changed = self._clock(), False
        while news := self._subscription.take():
            for one in news:
                if isinstance(one, Clone):
                    self.windows.add(one, now_ns)
                elif isinstance(one, Gap):
                    self.windows.missed(one.stream_id, one.frames)
                else:
                    changed = True
                    change = self.live.add if one.state is State.STARTED else self.live.discard
                    change(one.stream_id)
        self._look(now_ns)
        if changed:
            self.told.wake()

    # -- what is over ----------------------------------------------------------------------

    def _look(self, now_ns: int) -> None:
        for window in self.windows.over(now_ns, self.live):
            if self._painter is None:
                self._tell(window, None)
                continue
            self._undrawn.append(window)
        self._leave_out()
        self._draw_next()
        self._set_timer(now_ns)

    def _leave_out(self) -> None:
        """But for the one being drawn, and the newest: by its counts viewers are told."""
        waiting = self._undrawn
        left = sum(window.nbytes for window in waiting)
        while len(waiting) > _UNDRAWN_MAX or (len(waiting) > 2 and left > self.windows.bytes_max):
            left -= waiting[1].nbytes
            del waiting[1]
            self.undrawn_windows += 1

    def _tell(self, window: Window, picture: OutputImage | None) -> None:
        complete = self.windows.is_complete(window)
        if complete:
            self.complete_windows += 1
        else:
            self.incomplete_windows += 1
        message = self._write(window, complete, picture)
        clone = MergedClone(message, frozenset(window.fragments), window.decided)
        self.decided = window.decided
        self._dispatcher.put(self.told, clone)

    def _draw_next(self) -> None:
        while self._undrawn and not self._drawing and self._painter is not None:
            self._drawing = self._painter.draw(self._undrawn[0], self._drawn)
            if not self._drawing:  # nobody draws any more
                self._tell(self._undrawn.popleft(), None)

    def _drawn(self, picture: OutputImage | None) -> None:
        self._drawing = False
        if not self._closed:
            self._tell(self._undrawn.popleft(), picture)
            self._draw_next()

    # -- time ------------------------------------------------------------------------------

    def _set_timer(self, now_ns: int) -> None:
        self._stop_timer()
        due_ns = self.windows.due_ns
        if due_ns is not None:
            delay_s = max(0, due_ns - now_ns) / 1e9
            self._timer = self._loop.call_later(delay_s, self._time_is_over)

    def _time_is_over(self) -> None:
        self._timer = None
        if not self._closed:
            self._look(self._clock())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
