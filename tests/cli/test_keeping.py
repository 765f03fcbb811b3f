"""When a picture of a film is due, and where streams are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from framesrv.cli.keeping import FilmPace, folder_name

STILL_MAX = 100  # ten seconds of ten a second


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_a_film_neither_stands_for_ever_nor_goes_back(times: list[float]) -> None:
    pace = FilmPace(10)
    for at in times:
        still = pace.still(at)
        assert still is None or 0 <= still <= STILL_MAX


@given(st.lists(st.floats(0.0, 9.0), min_size=1, max_size=40))
def test_a_film_keeps_time(gaps: list[float]) -> None:
    pace, at, pictures = FilmPace(10), 1e9, 0
    for gap in gaps:
        at += gap
        still = pace.still(at)
        pictures += 0 if still is None else still + 1
    length = sum(gaps[1:])
    assert abs((pictures - 1) / 10 - length) <= 0.06


def test_another_publisher_with_another_clock_goes_on_at_once() -> None:
    pace = FilmPace(10)
    assert [pace.still(at) for at in (1000.0, 1000.1, 5.0, 5.1)] == [0, 0, 0, 0]
    assert [pace.still(at) for at in (9e9, 9e9 + 0.1)] == [STILL_MAX, 0]


@given(st.lists(st.text(max_size=80), unique=True, max_size=20))
def test_no_two_streams_share_a_folder(ids: list[str]) -> None:
    names = [folder_name(each) for each in ids]
    assert len({name.lower() for name in names}) == len(ids)
    assert all(len(name) <= 80 and name.isascii() and "/" not in name for name in names)
