"""Windows, mergers and their viewers against a model: each window comes once and in order, and of
each stream all frames are in a window that a viewer got, or in its gaps."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from framesrv.frames.layout import ImageLayout
from framesrv.frames.work import Encoding, OutputImage
from framesrv.streams.channel import Channel
from framesrv.streams.dispatcher import Dispatcher, Publication
from framesrv.streams.merger import Merger
from framesrv.streams.news import Clone, Event, Gap, MergedClone, State
from framesrv.streams.settings import FanOutSettings
from framesrv.streams.viewer import Viewer
from framesrv.streams.windows import WINDOWS_MAX, Window, Windows

MS = 1_000_000
STREAMS = ("a", "b", "c")
START = 1_000_000 * MS


def frame(stream_id: str, at_ms: float, nbytes: int = 1) -> Clone:
    return Clone(stream_id, bytes(nbytes), START + round(at_ms * MS), START + 10**12)


class HandLoop:
    """Time goes on when the test says so."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._later: list[tuple[int, int, Handle]] = []
        self._numbers = count()

    def call_soon(self, call: Callable[[], None]) -> Handle:
        return self.call_later(0, call)

    def call_later(self, delay: float, call: Callable[[], None]) -> Handle:
        handle = Handle(call)
        heappush(self._later, (self.now_ns + round(delay * 1e9), next(self._numbers), handle))
        return handle

    def go_on(self, ns: int = 0) -> None:
        end_ns = self.now_ns + ns
        while self._later and self._later[0][0] <= end_ns:
            self.now_ns, _, handle = heappop(self._later)
            if handle.call is not None:
                handle.call()
        self.now_ns = end_ns

    @property
    def timers(self) -> int:
        return sum(handle.call is not None for _, _, handle in self._later)


class Handle:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self.call = None


class HandPainter:
    """Draws when the test says so."""

    def __init__(self) -> None:
        self.works = True
        self.drawing: list[tuple[Window, Callable[[OutputImage | None], None]]] = []

    def draw(self, window: Window, done: Callable[[OutputImage | None], None]) -> bool:
        if self.works:
            self.drawing.append((window, done))
        return self.works

    def finish(self) -> None:
        _, done = self.drawing.pop(0)
        done(OutputImage("mosaic", Encoding.RAW, ImageLayout(), memoryview(b"")))


def write(window: Window, complete: bool, picture: OutputImage | None) -> bytes:
    numbers = [f"{stream}{clone.captured_at_ns}" for stream, clone in window.fragments.items()]
    return f"{window.opens_ns} {complete} {picture is not None} {' '.join(numbers)}".encode()


class Watching:
    """A viewer, and what it was told."""

    def __init__(self, merger: Merger, queue: int) -> None:
        self.viewer: Viewer = merger.join(queue, lambda: None)
        self.delivered = dict.fromkeys(STREAMS, 0)
        self.missed = dict.fromkeys(STREAMS, 0)
        # From the window on that it sees first, or that comes first.
        self.before = dict(merger.decided)
        if self.viewer.lag_frames:
            for stream in merger.told.items[-1].held:
                self.before[stream] -= 1
        self.last_ns = -1
        self.live = {stream: stream in merger.live for stream in STREAMS}

    def take(self) -> bool:
        news = self.viewer.take()
        for one in news:
            if isinstance(one, Gap):
                assert one.frames > 0
                self.missed[one.stream_id] += one.frames
            elif isinstance(one, Event):
                came = one.state is State.STARTED
                assert self.live[one.stream_id] is not came
                self.live[one.stream_id] = came
            else:
                self._window(one)
        return bool(news)

    def _window(self, window: MergedClone) -> None:
        opens_ns = int(window.message.split()[0])
        assert opens_ns > self.last_ns, "in order, and once"
        self.last_ns = opens_ns
        for stream in window.held:
            self.delivered[stream] += 1


class Machine(RuleBasedStateMachine):
    @initialize(
        lateness=st.integers(0, 30),
        draws=st.booleans(),
        bytes_max=st.sampled_from([5, 1 << 20]),
        buffer=st.sampled_from([100, 1 << 20]),
    )
    def begin(self, lateness: int, draws: bool, bytes_max: int, buffer: int) -> None:
        self.loop = HandLoop()
        self.dispatcher = Dispatcher(FanOutSettings(max_queue_frames=4, buffer_bytes=buffer))
        self.painter = HandPainter() if draws else None
        self.put = dict.fromkeys(STREAMS, 0)
        self.publications: dict[str, Publication] = {}
        self.over = 0
        self.lateness_ns = lateness * MS
        self.merger = Merger(
            self.dispatcher,
            Windows(STREAMS, 10 * MS, self.lateness_ns, bytes_max),
            write,
            self.loop,
            self._over,
            painter=self.painter,
            clock=lambda: self.loop.now_ns,
        )
        self.watching = [Watching(self.merger, 1000)]

    def _over(self) -> None:
        self.over += 1

    @rule(stream=st.sampled_from(STREAMS))
    def start_or_end(self, stream: str) -> None:
        publication = self.publications.pop(stream, None)
        if publication is not None:
            publication.end()
        else:
            self.publications[stream] = self.dispatcher.start(stream)
        self.loop.go_on()

    @precondition(lambda self: self.publications)
    @rule(data=st.data(), at_ms=st.lists(st.integers(0, 80), min_size=1, max_size=3))
    def publish(self, data: Any, at_ms: list[int]) -> None:
        stream = data.draw(st.sampled_from(sorted(self.publications)))
        self.put[stream] += len(at_ms)
        now_ms = self.loop.now_ns / MS
        self.publications[stream].publish([frame(stream, now_ms + at) for at in at_ms])
        self.loop.go_on()

    @rule(ms=st.integers(1, 40))
    def time_goes_on(self, ms: int) -> None:
        self.loop.go_on(ms * MS)

    @precondition(lambda self: self.painter is not None and self.painter.drawing)
    @rule()
    def drawn(self) -> None:
        assert self.painter is not None
        self.painter.finish()

    @rule()
    def nobody_draws_any_more(self) -> None:
        if self.painter is not None:
            self.painter.works = not self.painter.works

    @rule(queue=st.integers(1, 4))
    def join(self, queue: int) -> None:
        if len(self.watching) < 4:
            self.watching.append(Watching(self.merger, queue))

    @precondition(lambda self: len(self.watching) > 1)
    @rule()
    def leave(self) -> None:
        self.watching.pop().viewer.close()

    @rule(times=st.integers(1, 5), data=st.data())
    def take(self, times: int, data: Any) -> None:
        watching = data.draw(st.sampled_from(range(len(self.watching))))
        for _ in range(times):
            self.watching[watching].take()

    @invariant()
    def nothing_waits_for_too_long(self) -> None:
        due_ns = self.merger.windows.due_ns
        assert due_ns is None or due_ns >= self.loop.now_ns
        assert self.loop.timers <= 1
        assert len(self.merger.windows._open) <= WINDOWS_MAX

    @invariant()
    def memory_is_counted(self) -> None:
        channels: list[Channel[Any]] = [*self.dispatcher._channels.values(), self.merger.told]
        assert self.dispatcher.nbytes == sum(channel.nbytes for channel in channels)

    def teardown(self) -> None:
        if not hasattr(self, "merger"):
            return
        for publication in self.publications.values():
            publication.end()
        self.loop.go_on(1000 * MS)
        while self.painter is not None and self.painter.drawing:
            self.painter.finish()
        for watching in self.watching:
            while watching.take():
                pass
            for stream in STREAMS:
                got = watching.delivered[stream] + watching.missed[stream]
                assert got == self.put[stream] - watching.before[stream], stream
            assert not any(watching.live.values())
            assert watching.viewer.is_idle
            assert self.over == 0
            watching.viewer.close()
        assert self.over == 1
        assert self.loop.timers == 0
        assert (self.dispatcher.nbytes, self.dispatcher._channels) == (0, {})


TestMerger = Machine.TestCase
