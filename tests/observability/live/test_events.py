"""The bytes of the events: right, and put together in a borrowed buffer where there is one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.observability.live import events
from framesrv.pool import ByteArrayPool, PoolSettings

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=30)


def pool(capacity: int = 1) -> ByteArrayPool:
    return ByteArrayPool("json", initial_bytes=64, max_bytes=64 * 1024, capacity=capacity)


@pytest.mark.unmeasured
@given(st.dictionaries(st.text(), JSON | ROWS), ROWS)
def test_the_pieces_together_are_the_snapshot(more: dict[str, Any], rows: Any) -> None:
    snapshot = {**more, "streams": {"open": 3, "shown": rows}}
    made = events.encoded(events.snapshot_json(snapshot), None)
    assert json.loads(made) == snapshot
    assert b"\n" not in made, "it would end the event"


@given(st.lists(st.binary(max_size=3000), max_size=60))
def test_with_and_without_a_buffer_it_is_the_same(pieces: list[bytes]) -> None:
    lender = pool()
    assert events.encoded(pieces, lender) == events.encoded(iter(pieces), None) == b"".join(pieces)
    assert lender.stats().leased == 0


def test_a_buffer_that_grew_is_kept() -> None:
    lender = pool()
    for _ in range(3):
        made = events.encoded([b"x" * 1000] * (events.EVENT_BYTES_MAX // 1000), lender)
        assert len(made) > 50_000
    stats = lender.stats()
    assert (stats.gets, stats.misses, stats.discards, stats.idle) == (3, 0, 0, 1)


def test_what_is_too_large_for_a_buffer_is_made_without() -> None:
    lender = pool()
    pieces = [b"x" * 1000, b"y" * 1000] * 40
    assert events.encoded(pieces, lender) == b"".join(pieces)
    stats = lender.stats()
    assert (stats.leased, stats.discards) == (0, 0)


def test_nobody_waits_for_a_buffer() -> None:
    lender = pool(capacity=1)
    with lender.acquire():
        assert events.encoded([b"a", b"b"], lender) == b"ab"
    assert lender.stats().timeouts == 0
    lender.close()
    assert events.encoded([b"a", b"b"], lender) == b"ab"


def test_the_server_s_own_pool_is_large_enough() -> None:
    with PoolSettings.from_env({}).build() as manager:
        lender = manager.pool("json")
        assert isinstance(lender, ByteArrayPool)
        for _ in range(3):
            events.encoded([b"x" * 1024] * (events.EVENT_BYTES_MAX // 1024), lender)
        assert lender.stats().discards == 0


@given(st.text(), st.integers(0, 1 << 40))
def test_an_event_is_three_lines_and_an_empty_one(text: str, number: int) -> None:
    data = events.snapshot_json({"text": text})
    lines = events.encoded(events.event("snapshot", number, data), None).split(b"\n")
    assert lines[0] == f"id: {number}".encode()
    assert lines[1] == b"event: snapshot"
    assert json.loads(lines[2].removeprefix(b"data: ")) == {"text": text}
    assert lines[3:] == [b"", b""]
