"""What every record promises: reset, references, and the pools it goes through."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import framesrv.frames
from framesrv.errors import InvalidRecord
from framesrv.frames import (
    CanonicalFrame,
    FrameReport,
    MergedFrame,
    PooledRecord,
    SourceFrame,
    Timings,
)
from framesrv.frames.base import ALONE, references
from framesrv.pool import DebugLevel, RecordPool
from tests.frames.filling import (
    RECORDS,
    array_payload,
    canonical,
    fill,
    let_go,
    not_zeroed,
)

each_record = pytest.mark.parametrize("record_class", RECORDS, ids=lambda cls: cls.__name__)
CONTAINERS = [(CanonicalFrame, "metadata"), (MergedFrame, "fragments")]
CONTAINERS += [(FrameReport, "timings"), (FrameReport, "outputs")]
each_container = pytest.mark.parametrize(("record_class", "name"), CONTAINERS)
each_level = pytest.mark.parametrize("level", [DebugLevel.SAMPLE, DebugLevel.POISON])


def test_all_pooled_records_are_tested_here() -> None:
    exported: list[Any] = [getattr(framesrv.frames, name) for name in framesrv.frames.__all__]
    classes = [one for one in exported if isinstance(one, type) and one is not PooledRecord]
    pooled = {one for one in classes if issubclass(one, PooledRecord)}
    assert pooled == {one for one in RECORDS if issubclass(one, PooledRecord)}
    assert len(pooled) == 6


@each_record
def test_reset_zeroes_every_field(record_class: type[Any]) -> None:
    record = record_class()
    fill(record)
    assert set(not_zeroed(record)) == {field.name for field in fields(record)}
    let_go(record)
    record.reset()
    assert not_zeroed(record) == []


@each_record
@given(data=st.data())
def test_reset_zeroes_whichever_fields_were_used(
    record_class: type[Any], data: st.DataObject
) -> None:
    record, full = record_class(), record_class()
    fill(full)
    names = [field.name for field in fields(record)]
    for name in data.draw(st.sets(st.sampled_from(names))):
        setattr(record, name, getattr(full, name))
    record.reset()
    assert not_zeroed(record) == []
    let_go(full)


def test_a_field_that_reset_forgets_is_seen() -> None:
    @dataclass(slots=True, eq=False)
    class Grown(SourceFrame):
        added: str = ""

    record = Grown()
    record.added = "left behind"
    record.reset()
    assert not_zeroed(record) == ["added"]


@each_record
def test_records_have_slots_only(record_class: type[Any]) -> None:
    assert not hasattr(record_class(), "__dict__")
    with pytest.raises(AttributeError):
        record_class().nonsense = 1


@each_container
def test_reset_keeps_a_container_that_is_the_records_alone(
    record_class: type[Any], name: str
) -> None:
    record = record_class()
    before = id(getattr(record, name))
    fill_in_place(record, name)
    record.reset()
    assert id(getattr(record, name)) == before
    assert not_zeroed(record) == []


@each_container
def test_reset_leaves_a_container_to_whoever_still_holds_it(
    record_class: type[Any], name: str
) -> None:
    """Else the keeper would read what the next client puts into it."""
    record = record_class()
    fill(record)
    kept = getattr(record, name)
    let_go(record)
    record.reset()
    assert getattr(record, name) is not kept
    assert kept != getattr(record_class(), name)
    assert not_zeroed(record) == []


def fill_in_place(record: Any, name: str) -> None:
    container = getattr(record, name)
    if isinstance(container, dict):
        container["camera"] = "left"
    elif isinstance(container, list):
        container.append(object())
    else:
        fill(container)


def test_one_more_holder_is_one_more_reference() -> None:
    record = CanonicalFrame()
    alone = references(record.metadata)  # not in the assert: pytest holds what it shows
    kept = record.metadata
    held = references(record.metadata)
    assert (alone, held) == (ALONE, ALONE + 1)
    assert kept == {}


def test_records_are_equal_only_to_themselves() -> None:
    for record_class in RECORDS:
        if issubclass(record_class, PooledRecord):
            assert record_class() != record_class()


@each_level
@each_record
def test_a_record_comes_back_from_its_pool_as_new(
    record_class: type[Any], level: DebugLevel
) -> None:
    pool = RecordPool("records", record_class, capacity=1, debug=level)
    for _ in range(3):
        with pool.acquire() as lease:
            assert not_zeroed(lease.record) == []
            fill(lease.record)
            let_go(lease.record)
    assert (pool.stats().idle, pool.stats().quarantined) == (1, 0)


PAYLOADS = [(one, field.name) for one in RECORDS for field in fields(one)]


@pytest.mark.parametrize(("record_class", "name"), PAYLOADS)
def test_no_field_outlives_the_lease_of_its_record(record_class: type[Any], name: str) -> None:
    """The references that the record had are gone, whatever the type of the field."""
    probe: Any = _Held()
    pool = RecordPool("records", record_class, capacity=1)
    with pool.acquire() as lease:
        container = getattr(lease.record, name)
        if isinstance(container, dict):
            container["key"] = probe
        elif isinstance(container, list):
            container.append(probe)
        elif isinstance(container, Timings):
            container.total_ns = probe
        else:
            setattr(lease.record, name, probe)
        del container
        gone = weakref.ref(probe)
        del probe
        assert gone() is not None
    assert gone() is None
    assert pool.stats().quarantined == 0


class _Held:
    """Something that can be watched."""


def test_the_payload_under_a_memoryview_is_let_go() -> None:
    pool = RecordPool("source_frame", SourceFrame, capacity=1)
    with pool.acquire() as lease:
        lease.record.payload, owner = array_payload()
        gone = weakref.ref(owner)
        del owner
        assert gone() is not None
    assert gone() is None


def test_reset_releases_no_lease() -> None:
    record = canonical()
    lease = record.pixels
    record.reset()
    assert lease is not None
    assert not lease.released
    lease.release()


@each_level
def test_a_with_that_an_invalid_record_leaves_does_not_quarantine_it(level: DebugLevel) -> None:
    pool = RecordPool("canonical_frame", CanonicalFrame, capacity=1, debug=level)
    lease = pool.acquire()
    with pytest.raises(InvalidRecord) as caught, lease:
        lease.record.validate()
    assert caught.tb is not None  # which would keep the record, if a frame of it did
    assert (pool.stats().idle, pool.stats().quarantined) == (1, 0)


def test_the_base_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="faults"):
        PooledRecord()  # type: ignore[abstract]
