"""What a stream has done, and which streams are open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason, Refused
from framesrv.streams import StreamRegistry, StreamTally


@given(st.lists(st.tuples(*[st.integers(0, 64)] * 3), max_size=30))
def test_it_adds_up(parts: list[tuple[int, int, int]]) -> None:
    tally = StreamTally("a")
    for number, part in enumerate(parts):
        tally.came(sum(part), number)
        tally.went(*part)
    assert tuple(tally.answered) == tuple(map(sum, zip(*parts, strict=True))) or not parts
    assert tally.received == sum(tally.answered)
    assert (tally.in_flight, tally.window) == (0, 0), "it is not open yet"


def test_the_registry_knows_those_that_are_open() -> None:
    registry = StreamRegistry(max_streams=3)
    one, other = StreamTally("a", published=True), StreamTally("a")
    registry.enter(one)
    registry.enter(other)
    assert set(registry.tallies()) == {one, other}
    assert (registry.open, registry.published("a"), registry.published("b")) == (2, one, None)
    with pytest.raises(Refused) as taken:
        registry.enter(StreamTally("a", published=True))
    assert taken.value.reason is Reason.STREAM_TAKEN
    registry.leave(other)
    assert registry.published("a") is one, "who does not publish takes nothing along"
    registry.leave(one)
    registry.leave(one)
    assert (registry.open, registry.published("a")) == (0, None)
    again = StreamTally("a", published=True)
    registry.enter(again)
    registry.leave(one)
    assert registry.published("a") is again


def test_there_are_only_so_many() -> None:
    registry = StreamRegistry(max_streams=1)
    registry.enter(StreamTally("a"))
    with pytest.raises(Refused) as full:
        registry.enter(StreamTally("b", published=True))
    assert full.value.reason is Reason.TOO_MANY_STREAMS
    assert registry.published("b") is None
