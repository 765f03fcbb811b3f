from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import InvalidRecord
from framesrv.frames import CanonicalFrame, ImageLayout, OwnedFrame, PixelFormat
from framesrv.pool import ArrayPool, Lease, UseAfterRelease
from tests.frames.breaking import check_rules
from tests.frames.filling import LAYOUT, canonical


@pytest.mark.parametrize("not_positive", [0, -1, None])
def test_the_rules_of_a_canonical_frame(not_positive: Any) -> None:
    broken = {"ingested_at_ns": not_positive, "layout": None, "pixels": None}
    check_rules(canonical, broken)


@pytest.mark.parametrize("name", ["stream_id", "captured_at_ns", "metadata", "trace_id"])
def test_what_may_be_empty(name: str) -> None:
    record = canonical()
    setattr(record, name, getattr(CanonicalFrame(), name))
    record.validate()


def with_array(array_shape: tuple[int, ...], dtype: str, layout: ImageLayout) -> CanonicalFrame:
    record = canonical()
    record.layout = layout
    record.pixels = ArrayPool("p", shape=array_shape, dtype=dtype, capacity=1).acquire()
    return record


@pytest.mark.parametrize(
    ("shape", "dtype", "layout", "fault"),
    [
        ((2, 4, 4), "uint8", LAYOUT, r"pixels.shape is \(2, 4, 4\) and must be \(2, 4, 3\), as"),
        ((4, 2, 3), "uint8", LAYOUT, "pixels.shape"),
        ((2, 4, 3), "float32", LAYOUT, "pixels.dtype is 'float32' and must be uint8"),
        ((2, 4, 3), "int8", LAYOUT, "pixels.dtype"),
        ((2, 4, 3), "uint8", ImageLayout(4, 2, PixelFormat.BGR24, 13), r"pixels.strides is \(12"),
        ((2, 4, 1), "uint8", ImageLayout(4, 2, PixelFormat.GRAY8), "pixels.shape"),
        ((3, 4), "uint8", ImageLayout(4, 2, PixelFormat.NV12), "layout.format .* interleaved"),
        ((2, 4, 3), "uint8", ImageLayout(4, 2, 8), "layout.format is 8"),
        ((2, 4, 3), "uint8", ImageLayout(0, 2, 1), "layout.width is 0"),
    ],
)
def test_pixels_must_match_the_layout(
    shape: tuple[int, ...], dtype: str, layout: ImageLayout, fault: str
) -> None:
    record = with_array(shape, dtype, layout)
    assert len(record.faults()) == 1
    with pytest.raises(InvalidRecord, match=fault):
        record.validate()


def test_faults_of_the_pixels_come_together_with_the_others() -> None:
    record = with_array((4, 2, 3), "float32", LAYOUT)
    record.ingested_at_ns = 0
    with pytest.raises(InvalidRecord, match=r"ingested_at_ns .*; pixels.dtype .*; pixels.shape "):
        record.validate()


def test_a_single_row_has_no_stride_to_compare() -> None:
    with_array((1, 4, 3), "uint8", ImageLayout(4, 1, PixelFormat.BGR24, 100)).validate()


def test_grey_pixels_have_two_axes() -> None:
    with_array((2, 4), "uint8", ImageLayout(4, 2, PixelFormat.GRAY8)).validate()


def test_a_released_lease_has_no_pixels() -> None:
    record = canonical()
    assert record.pixels is not None
    record.pixels.release()
    with pytest.raises(InvalidRecord, match=r"pixels is .*Lease and must be a lease that is"):
        record.validate()
    with pytest.raises(UseAfterRelease):
        record.clone()


def test_an_invalid_frame_does_not_hold_its_buffer() -> None:
    """A traceback that kept the array would quarantine it at the release."""
    pool = ArrayPool("p", shape=(4, 4, 3), capacity=1)
    record = canonical()
    with pytest.raises(InvalidRecord) as caught, pool.acquire() as record.pixels:
        record.validate()
    assert caught.tb is not None
    assert (pool.stats().idle, pool.stats().quarantined) == (1, 0)


def test_a_clone_is_equal_in_everything() -> None:
    record = canonical()
    clone = record.clone()
    assert {field.name for field in fields(clone)} == {field.name for field in fields(record)}
    for field in fields(record):
        if field.name != "pixels":
            assert getattr(clone, field.name) == getattr(record, field.name)
    assert record.pixels is not None
    assert np.array_equal(clone.pixels, record.pixels.array)


def test_immutable_fields_are_shared() -> None:
    record = canonical(stream_id="a stream".upper())
    clone = record.clone()
    assert clone.stream_id is record.stream_id
    assert clone.layout is record.layout


@given(st.integers(0, 255), st.integers(0, 255))
def test_a_clone_and_its_original_do_not_see_each_other(before: int, after: int) -> None:
    record = canonical(before)
    assert record.pixels is not None
    clone, other = record.clone(), record.clone()
    again = clone.clone()

    record.pixels.array[...] = after
    record.metadata["camera"] = "right"
    for one in (clone, other, again):
        assert (one.pixels == before).all()
        assert one.metadata == {"camera": "left"}

    clone.pixels[...] = 255 - before
    clone.metadata["more"] = "yes"
    for one in (other, again):
        assert (one.pixels == before).all()
        assert one.metadata == {"camera": "left"}
    assert (record.pixels.array == after).all()
    assert record.metadata == {"camera": "right"}


def test_a_clone_owns_its_pixels_and_has_no_lease() -> None:
    record = canonical()
    for clone in (record.clone(), record.clone().clone()):
        assert clone.pixels.base is None
        assert clone.pixels.flags.owndata
        assert clone.pixels.flags.writeable
        assert not any(isinstance(getattr(clone, field.name), Lease) for field in fields(clone))
        assert not hasattr(clone, "reset")


def test_a_clone_outlives_lease_and_record_and_keeps_neither() -> None:
    pool = ArrayPool("p", shape=(2, 4, 3), capacity=1)
    record = canonical()
    with pool.acquire() as record.pixels:
        record.pixels.array[...] = 9
        clone = record.clone()
    assert (pool.stats().idle, pool.stats().quarantined) == (1, 0)
    with pool.acquire() as next_lease:
        next_lease.array[...] = 1
    record.reset()
    assert (clone.pixels == 9).all()
    assert clone.metadata == {"camera": "left"}


def test_the_clone_of_padded_rows_is_packed() -> None:
    record = canonical()
    with ArrayPool("p", shape=(2, 16), capacity=1).acquire() as padded:
        wide = padded.array[:, :12].reshape(2, 4, 3)
        source = OwnedFrame(
            "a", 1, 1, 0, ImageLayout(4, 2, PixelFormat.BGR24, 16), wide, record.metadata, ""
        )
        clone = source.clone()
        del wide, source
    assert clone.layout == LAYOUT
    assert clone.pixels.strides == LAYOUT.array_strides


@pytest.mark.parametrize("name", ["pixels", "layout"])
def test_without_pixels_there_is_no_clone(name: str) -> None:
    record = canonical()
    setattr(record, name, None)
    with pytest.raises(InvalidRecord, match="no clone"):
        record.clone()


def test_the_fields_of_a_clone_cannot_be_replaced() -> None:
    with pytest.raises(AttributeError):
        canonical().clone().sequence = 9  # type: ignore[misc]
