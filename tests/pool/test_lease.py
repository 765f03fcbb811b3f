"""The right to use one buffer."""

from __future__ import annotations

import copy
import pickle
import threading
import weakref
from typing import Any

import pytest

from framesrv.pool import ArrayPool, ByteArrayPool, BytesIOPool, DoubleRelease, Lease, PoolError
from framesrv.pool.lease import ArrayLease
from framesrv.pool.ticket import Want
from framesrv.testing.contract import check_identities


class TestByteArrayLease:
    def make(self) -> Any:
        return ByteArrayPool("json", initial_bytes=16, capacity=1).acquire()

    def test_used_begins_at_nothing_and_bounds_what_was_written(self) -> None:
        lease = self.make()
        assert (lease.used, bytes(lease.written())) == (0, b"")
        lease.buffer[:4] = b"null"
        lease.used = 4
        assert (lease.used, bytes(lease.written())) == (4, b"null")
        lease.release()

    @pytest.mark.parametrize("nbytes", [-1, 17])
    def test_used_stays_within_the_buffer(self, nbytes: int) -> None:
        lease = self.make()
        with pytest.raises(ValueError, match=f"used must be between 0 and 16, not {nbytes}"):
            lease.used = nbytes
        for nbytes_ok in (0, 16):
            lease.used = nbytes_ok
        lease.release()

    def test_it_may_cover_what_the_buffer_grew_by(self) -> None:
        lease = self.make()
        lease.buffer.extend(b"more")
        lease.used = 20
        assert bytes(lease.written()).endswith(b"more")
        lease.release()

    def test_the_next_lease_begins_anew_in_full_length(self) -> None:
        pool = ByteArrayPool("json", initial_bytes=16, capacity=1)
        with pool.acquire() as lease:
            lease.used = 9
            del lease.buffer[3:]
        with pool.acquire() as lease:
            assert (lease.used, len(lease.buffer)) == (0, 16)


class TestBytesIOLease:
    def test_written_is_what_was_written(self) -> None:
        pool = BytesIOPool("jpeg", initial_bytes=16, capacity=1)
        with pool.acquire() as lease:
            lease.buffer.write(b"frame")
            with lease.written() as view:
                assert bytes(view) == b"frame"
                assert not view.readonly


class TestOwnership:
    def test_of_many_threads_one_makes_the_return(self) -> None:
        pool = ArrayPool("raced", shape=(1,), capacity=2)
        for _ in range(50):
            lease = pool.acquire()
            refused: list[Exception] = []
            start = threading.Barrier(4)

            def release(
                lease: Any = lease, start: Any = start, refused: list[Exception] = refused
            ) -> None:
                start.wait(60)
                try:
                    lease.release()
                except DoubleRelease as error:
                    refused.append(error)

            threads = [threading.Thread(target=release) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert len(refused) == 3
        stats = pool.stats()
        check_identities(stats)
        assert (stats.returns, stats.idle, stats.misuse_by_kind["double_release"]) == (50, 2, 150)

    def test_it_may_be_returned_in_another_thread(self) -> None:
        pool = ArrayPool("handed_on", shape=(1,), capacity=1)
        lease = pool.acquire()
        thread = threading.Thread(target=lease.release)
        thread.start()
        thread.join(60)
        assert (lease.released, pool.stats().idle) == (True, 1)

    def test_it_can_be_referred_to_weakly(self) -> None:
        lease = ArrayPool("p", shape=(1,), capacity=1).acquire()
        reference = weakref.ref(lease)
        lease.release()
        assert reference() is lease

    def test_it_takes_no_attributes_of_yours(self) -> None:
        pool = ArrayPool("p", shape=(1,), capacity=1)
        for _ in range(2):  # a watched one, and a plain one
            with pool.acquire() as lease, pytest.raises(AttributeError):
                lease.extra = 1  # type: ignore[attr-defined]

    def test_only_pools_make_them(self) -> None:
        for lease_class in (Lease, ArrayLease):
            with pytest.raises(TypeError, match=r"a lease is made by a pool: use pool.acquire\(\)"):
                lease_class()

    def test_it_can_be_returned_while_another_error_is_on_its_way(self) -> None:
        pool = ArrayPool("p", shape=(1,), capacity=1)
        lease = pool.acquire()
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            lease.release()
        assert pool.stats().idle == 1

    @pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
    def test_it_cannot_be_copied(self, how: Any) -> None:
        pool = ArrayPool("p", shape=(1,), capacity=1)
        with pool.acquire() as lease:
            with pytest.raises(TypeError, match="two of it could be released"):
                how(lease)
            assert pool.stats().leased == 1

    def test_a_ticket_that_was_not_served_is_no_lease(self) -> None:
        pool = ArrayPool("p", shape=(1,), capacity=1)
        with pytest.raises(PoolError, match="'p': a ticket was collected before it was ready"):
            pool.fulfil(Want(pool))
        assert pool.stats().idle == 1

    def test_nested_with_returns_once(self) -> None:
        pool = ArrayPool("p", shape=(1,), capacity=1)
        with pool.acquire() as lease, lease as same:
            assert same is lease
        assert (pool.stats().returns, pool.stats().misuse) == (1, 0)
