from __future__ import annotations

from dataclasses import fields
from typing import Any

from framesrv.frames import CanonicalFrame, MergedFrame, OwnedFrame
from tests.frames.breaking import check_rules
from tests.frames.filling import canonical


def merged() -> MergedFrame:
    """One fragment still in its lease, one cloned already."""
    fragments: list[Any] = [canonical(1, "a"), canonical(2, "b").clone()]
    return MergedFrame("m", 10, 20, fragments, complete=True, trace_id="t")


def test_the_rules_of_a_merged_frame() -> None:
    check_rules(merged, {"fragments": []})


def test_everything_but_the_fragments_may_be_empty() -> None:
    MergedFrame(fragments=[canonical()]).validate()


def test_a_clone_is_equal_in_everything() -> None:
    record = merged()
    clone = record.clone()
    assert {field.name for field in fields(clone)} == {field.name for field in fields(record)}
    for name in ("merge_id", "window_open_ns", "window_close_ns", "complete", "trace_id"):
        assert getattr(clone, name) == getattr(record, name)
    assert [one.stream_id for one in clone.fragments] == ["a", "b"]
    assert [int(one.pixels[0, 0, 0]) for one in clone.fragments] == [1, 2]


def test_a_clone_and_its_original_do_not_see_each_other() -> None:
    record = merged()
    clone, other = record.clone(), record.clone()
    leased, owned = record.fragments
    assert isinstance(leased, CanonicalFrame)
    assert isinstance(owned, OwnedFrame)
    assert leased.pixels is not None
    leased.pixels.array[...] = 50
    owned.pixels[...] = 60
    for fragment in (leased, owned):
        fragment.metadata["camera"] = "right"
    for one in (clone, other):
        assert [int(part.pixels.max()) for part in one.fragments] == [1, 2]
        assert all(part.metadata == {"camera": "left"} for part in one.fragments)

    for part in clone.fragments:
        part.pixels[...] = 99
        part.metadata.clear()
    assert [int(part.pixels.max()) for part in other.fragments] == [1, 2]
    assert int(leased.pixels.array.max()) == 50
    assert int(owned.pixels.max()) == 60
    assert leased.metadata == owned.metadata == {"camera": "right"}


def test_a_clone_holds_neither_leases_nor_the_records_list() -> None:
    record = merged()
    clone = record.clone()
    record.reset()
    assert [one.stream_id for one in clone.fragments] == ["a", "b"]
    for fragment in clone.fragments:
        assert fragment.pixels.base is None
        assert not hasattr(fragment, "reset")
    assert not hasattr(clone, "reset")
