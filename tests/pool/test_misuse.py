"""A lease that is misused is refused: at which level, and in which words.

What a holder keeps or loses is in ``test_kept``, ``test_retained_slice`` and ``test_dropped``;
writing after the release is in ``debug/test_poison`` and its neighbours, and ``debug/test_fence``.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import pytest

from framesrv.pool import (
    BytesIOPool,
    DebugLevel,
    DoubleRelease,
    ForeignObject,
    UnpooledArrayPool,
    UseAfterRelease,
)
from tests.pool.helpers import MARKED, Recorder, at_every_level, lends_again, whole
from tests.pool.subjects import ATTRIBUTES, buffer_of, for_every_kind, make


def release_and_fail(lease: Any) -> NoReturn:
    lease.release()
    raise ZeroDivisionError


class TestDoubleRelease:
    @for_every_kind
    @pytest.mark.parametrize("level", [DebugLevel.SAMPLE, *MARKED])
    def test_it_is_refused(self, kind: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        lease = pool.acquire()
        lease.release()
        for _ in range(2):
            with pytest.raises(DoubleRelease) as caught:
                lease.release()
        text = str(caught.value)
        assert "a lease of pool 'subject' was released a second time" in text
        assert "release it once, or leave it to the with block" in text
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse_by_kind["double_release"]) == (1, 1, 2)
        assert observer.misuses == [("subject", "double_release", text)] * 2

    @for_every_kind
    def test_at_off_it_is_ignored_and_counted(self, kind: str) -> None:
        observer = Recorder()
        pool = make(kind, DebugLevel.OFF, observer=observer)
        lease = pool.acquire()
        lease.release()
        lease.release()
        pool.release(lease)
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse_by_kind["double_release"]) == (1, 1, 2)
        assert [(name, kind) for name, kind, _ in observer.misuses] == [
            ("subject", "double_release")
        ] * 2

    @at_every_level
    def test_the_next_holder_does_not_notice(self, level: DebugLevel) -> None:
        pool = make("array", level)
        late = pool.acquire()
        late.release()
        with pool.acquire() as lease:
            lease.array[...] = 7
            try:
                late.release()
            except DoubleRelease:
                assert level is not DebugLevel.OFF
            else:
                assert level is DebugLevel.OFF
            assert pool.try_acquire() is None
            assert (lease.array == 7).all()

    @at_every_level
    def test_leaving_with_after_a_release_is_none(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            lease.release()
        stats = whole(pool)
        assert (stats.returns, stats.idle, stats.misuse) == (1, 1, 0)

    @at_every_level
    def test_leaving_with_by_an_error_after_a_release_is_none(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(ZeroDivisionError), pool.acquire() as lease:
            release_and_fail(lease)
        assert whole(pool).misuse == 0


class TestUseAfterRelease:
    @for_every_kind
    @at_every_level
    def test_the_buffer_is_out_of_reach(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        attribute = ATTRIBUTES[kind]
        with pytest.raises(UseAfterRelease) as caught:
            buffer_of(lease, kind)
        text = str(caught.value)
        assert f"{attribute!r} touched on a lease of pool 'subject' after its release" in text
        assert "copy what you need before you release" in text

    @pytest.mark.parametrize("kind", ["bytesio", "bytearray"])
    @at_every_level
    def test_what_was_written_is_out_of_reach(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        with pytest.raises(UseAfterRelease, match="subject"):
            lease.written()

    @at_every_level
    def test_used_can_neither_be_read_nor_set(self, level: DebugLevel) -> None:
        lease = make("bytearray", level).acquire()
        lease.used = 3
        lease.release()
        with pytest.raises(UseAfterRelease, match="'used' touched on a lease of pool 'subject'"):
            _ = lease.used
        with pytest.raises(UseAfterRelease, match="on a lease of pool 'subject'"):
            lease.used = 3

    @for_every_kind
    @at_every_level
    def test_a_released_lease_cannot_be_entered(self, kind: str, level: DebugLevel) -> None:
        lease = make(kind, level).acquire()
        lease.release()
        with pytest.raises(UseAfterRelease, match="entered on a lease of pool 'subject'"), lease:
            pass

    @at_every_level
    def test_an_attribute_of_another_kind_is_just_missing(self, level: DebugLevel) -> None:
        lease = make("array", level).acquire()
        lease.release()
        for name in ("buffer", "record", "used", "nonsense"):
            with pytest.raises(AttributeError, match=name):
                getattr(lease, name)


class TestForeignObject:
    @for_every_kind
    @at_every_level
    def test_another_pools_lease(self, kind: str, level: DebugLevel) -> None:
        observer = Recorder()
        pool = make(kind, level, observer=observer)
        other = BytesIOPool("other", initial_bytes=8, capacity=1, debug=level)
        foreign = other.acquire()
        with pytest.raises(ForeignObject) as caught:
            pool.release(foreign)
        text = "pool 'subject' never lent this: it was handed a lease of pool 'other'"
        assert str(caught.value) == text
        assert observer.misuses == [("subject", "foreign_object", text)]
        assert not foreign.released
        assert whole(pool).misuse_by_kind["foreign_object"] == 1
        other.release(foreign)
        assert whole(other).misuse == 0

    @pytest.mark.parametrize("thing", [object(), None, "lease", np.zeros(3)])
    @at_every_level
    def test_any_object(self, thing: object, level: DebugLevel) -> None:
        pool = make("array", level)
        with pytest.raises(ForeignObject, match=f"it was handed '{type(thing).__name__}'"):
            pool.release(thing)
        lends_again(pool)

    @at_every_level
    def test_the_lent_array_in_place_of_its_lease(self, level: DebugLevel) -> None:
        pool = make("array", level)
        with pool.acquire() as lease:
            with pytest.raises(ForeignObject, match="it was handed 'ndarray'"):
                pool.release(lease.array)
            assert not lease.released

    @at_every_level
    def test_a_lease_of_the_twin(self, level: DebugLevel) -> None:
        twin = UnpooledArrayPool("subject", shape=(4, 5, 3), capacity=1)
        pool = make("array", level)
        with twin.acquire() as lease, pytest.raises(ForeignObject, match="subject"):
            pool.release(lease)
