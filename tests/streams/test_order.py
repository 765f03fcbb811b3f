"""Whatever is done first, it is shown and taken in the order in which it came."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from framesrv.streams.news import Clone
from framesrv.streams.order import Entry, Order


@given(st.permutations(range(8)), st.lists(st.booleans(), min_size=8, max_size=8))
def test_entries_settle_in_any_order(settling: list[int], reads: list[bool]) -> None:
    shown: list[Clone] = []
    order = Order(shown.extend)
    frame: Any = object()
    entries = [Entry([frame]) for _ in settling]
    clones = [Clone(str(number), b"") for number in range(8)]
    for entry in entries:
        order.append(entry)
    taken, settled = [], set()
    for number, read in zip(settling, reads, strict=True):
        entries[number].messages = []
        entries[number].clones = [clones[number]]
        settled.add(number)
        order.settled()
        done = next(n for n in range(9) if n not in settled)
        assert shown == clones[:done], "at once, and no sooner"
        if read:
            while (written := order.take()) is not None:
                written.messages = None  # the writer has them
                taken.append(written)
            assert taken == entries[:done]
    assert shown == clones
    assert all(not entry.clones for entry in entries), "they are kept by nobody else"


def test_nobody_watches() -> None:
    order = Order()
    frame: Any = object()
    entry = Entry([frame])
    order.append(entry)
    assert (order.first, bool(order), order.take()) == (entry, True, None)
    entry.messages = []
    order.settled()
    assert order.take() is entry
    assert not order
