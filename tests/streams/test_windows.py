"""When a window is over, and what is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.streams.news import Clone
from framesrv.streams.windows import WINDOWS_MAX, Windows, time_of
from tests.streams.test_merger import MS, STREAMS, frame


def added(windows: Windows, *clones: Clone, now_ms: float = 0) -> None:
    for clone in clones:
        windows.add(clone, round(now_ms * MS))


def over(windows: Windows, now_ms: float, live: str = "abc") -> list[list[str]]:
    return [sorted(window.fragments) for window in windows.over(round(now_ms * MS), set(live))]


@pytest.fixture
def windows() -> Windows:
    return Windows(STREAMS, 10 * MS, 5 * MS)


def test_a_window_is_over_when_it_is_whole(windows: Windows) -> None:
    added(windows, frame("a", 1), frame("b", 2))
    assert over(windows, 0) == []
    added(windows, frame("c", 9))
    assert over(windows, 0) == [["a", "b", "c"]]


def test_or_has_waited_for_its_end_and_the_lateness(windows: Windows) -> None:
    added(windows, frame("a", 3), now_ms=100)  # it ends in 7 ms
    assert windows.due_ns == 112 * MS
    assert over(windows, 111.9) == []
    assert over(windows, 112) == [["a"]]


def test_or_nobody_publishes_what_is_missing(windows: Windows) -> None:
    added(windows, frame("a", 3))
    assert over(windows, 0, live="ab") == []
    assert over(windows, 0, live="a") == [["a"]]


def test_whole_windows_wait_for_those_before_them(windows: Windows) -> None:
    added(windows, frame("a", 1), *(frame(stream, 11) for stream in STREAMS))
    assert over(windows, 0) == []
    assert over(windows, 14) == [["a"], ["a", "b", "c"]]


def test_a_late_frame_opens_no_window_that_others_would_wait_for(windows: Windows) -> None:
    added(windows, frame("a", 31))
    added(windows, frame("b", 1), now_ms=13)  # its window would be due at 27 ms
    assert over(windows, 14) == [["b"], ["a"]]


def test_what_comes_when_its_window_is_over_is_late(windows: Windows) -> None:
    added(windows, frame("a", 11))
    assert over(windows, 14, live="a") == [["a"]]
    added(windows, frame("b", 9), frame("b", 19), frame("b", 20))
    assert (windows.late_frames, windows.decided) == (2, {"a": 1, "b": 2, "c": 0})


def test_the_newest_frame_stands_for_its_stream(windows: Windows) -> None:
    newest = frame("a", 8)
    added(windows, frame("a", 1), newest, frame("a", 5))
    (window,) = windows.over(100 * MS, set())
    assert window.fragments == {"a": newest}
    assert (windows.surplus_frames, windows.decided["a"]) == (2, 3)


def test_a_clock_far_ahead_of_ours_spoils_nothing(windows: Windows) -> None:
    arrived = 5 * MS
    wrong = Clone("a", b"", captured_at_ns=2**63 - 1, received_at_ns=arrived)
    assert time_of(wrong) == arrived
    added(windows, wrong, Clone("b", b"", captured_at_ns=-1, received_at_ns=arrived))
    assert over(windows, 99) == [["a", "b"]]


def test_when_all_clocks_go_back_time_begins_anew(windows: Windows) -> None:
    added(windows, *(frame(stream, 5000) for stream in STREAMS))
    assert len(over(windows, 0)) == 1
    added(windows, frame("a", 1), now_ms=900)
    assert over(windows, 915) == []
    added(windows, *(frame(stream, 1) for stream in STREAMS), now_ms=2000)
    assert over(windows, 2000) == [["a", "b", "c"]]


@given(st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 10**6)), max_size=200))
def test_however_far_apart_their_clocks_are_few_windows_are_open(
    frames: list[tuple[str, int]],
) -> None:
    windows = Windows(STREAMS, MS, 60_000 * MS)
    found = 0
    for stream, at_ms in frames:
        added(windows, frame(stream, at_ms))
        found += len(over(windows, 0))
        assert len(windows._open) <= WINDOWS_MAX
    found += len(over(windows, 10**9))
    assert found + windows.late_frames + windows.surplus_frames >= len(frames) / len(STREAMS)
