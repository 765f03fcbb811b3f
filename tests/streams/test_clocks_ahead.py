"""A camera whose clock is ahead of the server's, by mistake or on purpose: the others of its merge
are still in time, and windows come in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framesrv.streams.news import Clone
from framesrv.streams.windows import WINDOWS_MAX, Windows

MS = 1_000_000
LENGTH, LATENESS = 10 * MS, 5 * MS
START = 10**9 * MS
STREAMS = ("good", "wrong")


def test_a_window_of_the_future_waits_until_it_is_past() -> None:
    windows = Windows(STREAMS, LENGTH, LATENESS)
    windows.add(Clone("wrong", b"", START + 4000 * MS, START), 0)
    assert windows.due_ns == 4000 * MS + LENGTH + LATENESS
    for at_ms in range(0, 4000, 40):
        windows.add(Clone("good", b"", START + at_ms * MS, START + at_ms * MS), at_ms * MS)
        told = windows.over((at_ms + 15) * MS, STREAMS)
        assert [[*window.fragments] for window in told] == [["good"]]
    windows.add(Clone("good", b"", START + 4001 * MS, START + 4001 * MS), 4001 * MS)
    assert [sorted(one.fragments) for one in windows.over(4001 * MS, STREAMS)] == [[*STREAMS]]
    assert windows.late_frames == 0


@given(st.lists(st.integers(0, 4900), min_size=1, max_size=3 * WINDOWS_MAX))
def test_however_many_frames_of_the_future_come_the_present_is_in_time(ahead: list[int]) -> None:
    windows = Windows(STREAMS, LENGTH, LATENESS)
    told = []
    for number, ahead_ms in enumerate(ahead):
        now = START + 10 * number * MS
        windows.add(Clone("wrong", b"", now + ahead_ms * MS, now), now)
        windows.add(Clone("good", b"", now, now), now)
        told += windows.over(now, STREAMS)
    told += windows.over(now + 10**12, STREAMS)
    good = [one for one in told if "good" in one.fragments]
    assert len(good) >= len(ahead) - sum(ahead_ms < 30 for ahead_ms in ahead)
    opens = [one.opens_ns for one in told]
    assert opens == sorted(set(opens))
    assert windows.decided == dict.fromkeys(STREAMS, len(ahead))
