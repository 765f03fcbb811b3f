"""Rings of waiting threads: told at the time-out and never earlier, and never where there is none.

Rings of tasks, of bytes and of whole sets are in the other files named ``test_deadlock``.
"""

from __future__ import annotations

import threading
from typing import Any

from framesrv.pool import ArrayPool, PoolDeadlock, PoolExhausted, PoolManager
from framesrv.testing.clocks import FakeClock
from tests.pool.helpers import FAILED_S
from tests.pool.stage import Stage, error_of


class TestRingOfThreads:
    def test_of_two(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a = stage.do("alice", a.acquire)
        lease_b = stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=1.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=2.0))

        stage.clock.advance(0.99)
        stage.clock.until_waiting("alice_0", "bob_0")
        assert not alice.done(), "never before the time-out"
        assert not bob.done()

        stage.clock.advance(0.02)
        error = error_of(alice)
        assert type(error) is PoolDeadlock
        text = str(error)
        assert text.startswith("no buffer of pool 'b' came free after 1.010 s: total 1 of 1")
        assert (
            "A ring of waiters: thread 'alice_0' waits for 'b', held by thread 'bob_0'; "
            "thread 'bob_0' waits for 'a', held by thread 'alice_0'. "
            "Borrow a job's buffers in one step: PoolManager.acquire_all"
        ) in text
        assert b.stats().timeouts == 1

        stage.do("alice", lease_a.release)
        bob.result(FAILED_S).release()
        lease_b.release()

    def test_of_three(self, stage: Stage) -> None:
        a, b, c = (stage.pool(name) for name in "abc")
        leases = [
            stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", c))
        ]
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        ben = stage.wait_for("ben", lambda: c.acquire(timeout_s=9.0))
        cleo = stage.wait_for("cleo", lambda: a.acquire(timeout_s=9.0))
        stage.clock.advance(0.99)
        stage.clock.until_waiting("ann_0", "ben_0", "cleo_0")
        assert not ann.done()
        stage.clock.advance(0.02)
        error = error_of(ann)
        assert type(error) is PoolDeadlock
        assert (
            "thread 'ann_0' waits for 'b', held by thread 'ben_0'; "
            "thread 'ben_0' waits for 'c', held by thread 'cleo_0'; "
            "thread 'cleo_0' waits for 'a', held by thread 'ann_0'."
        ) in str(error)
        leases[0].release()
        last = cleo.result(FAILED_S)
        leases[2].release()
        ben.result(FAILED_S).release()
        leases[1].release()
        last.release()

    def test_over_pools_of_several_buffers(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b", capacity=2)
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", b))]
        ben = stage.wait_for("ben", lambda: a.acquire(timeout_s=9.0))
        cleo = stage.wait_for("cleo", lambda: a.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolDeadlock
        held[0].release()
        for waiter in (ben, cleo):
            waiter.result(FAILED_S).release()
        for lease in held[1:]:
            lease.release()

    def test_one_who_waits_for_a_ring_without_being_in_it(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a, lease_b = stage.do("alice", a.acquire), stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=5.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=6.0))
        carol = stage.wait_for("carol", lambda: a.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(carol)
        assert type(error) is PoolDeadlock
        assert "thread 'carol_0' waits for 'a', held by thread 'alice_0'; thread" in str(error)
        stage.clock.advance(4.0)
        assert type(error_of(alice)) is PoolDeadlock
        lease_a.release()
        bob.result(FAILED_S).release()
        lease_b.release()

    def test_through_a_buffer_that_is_set_aside(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        manager = PoolManager(1 << 20, clock=stage.clock)
        manager.register(a)
        manager.register(b)
        lease_b = stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: manager.acquire_all(["a", "b"], timeout_s=1.0))
        bob = stage.wait_for("bob", lambda: a.acquire(timeout_s=9.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolDeadlock
        assert (
            "thread 'alice_0' waits for 'b', held by thread 'bob_0'; "
            "thread 'bob_0' waits for 'a', held by thread 'alice_0'."
        ) in str(error)
        bob.result(FAILED_S).release()
        lease_b.release()


class TestNoRing:
    """Whoever could still be served gets a plain PoolExhausted."""

    def test_a_holder_who_does_not_wait(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b")
        lease_a, lease_b = stage.do("alice", a.acquire), stage.do("bob", b.acquire)
        alice = stage.wait_for("alice", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolExhausted
        assert "ring" not in str(error)
        lease_a.release()
        lease_b.release()

    def test_one_holder_of_several_who_does_not_wait(self, stage: Stage) -> None:
        a, b = stage.pool("a"), stage.pool("b", capacity=2)
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", b))]
        ben = stage.wait_for("ben", lambda: a.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolExhausted
        held[0].release()
        ben.result(FAILED_S).release()
        for lease in held[1:]:
            lease.release()

    def test_a_holder_at_the_end_of_a_chain_who_does_not_wait(self, stage: Stage) -> None:
        a, b, c = (stage.pool(name) for name in "abc")
        held = [stage.do(who, pool.acquire) for who, pool in (("ann", a), ("ben", b), ("cleo", c))]
        ben = stage.wait_for("ben", lambda: c.acquire(timeout_s=9.0))
        ann = stage.wait_for("ann", lambda: b.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        assert type(error_of(ann)) is PoolExhausted
        held[2].release()
        ben.result(FAILED_S).release()
        held[0].release()
        held[1].release()

    def test_a_buffer_in_quarantine_may_come_free(self, stage: Stage) -> None:
        a = stage.pool("a", capacity=2)
        lease = stage.do("alice", a.acquire)
        other = a.acquire()
        kept = other.array
        other.release()
        alice = stage.wait_for("alice", lambda: a.acquire(timeout_s=1.0))
        stage.clock.advance(1.5)
        error = error_of(alice)
        assert type(error) is PoolExhausted
        assert "quarantined 1" in str(error)
        assert kept is not None
        lease.release()

    def test_a_thread_that_got_the_number_of_one_that_ended(self) -> None:
        """The lease was handed on; that its borrower's ident is used again means nothing."""
        clock = FakeClock()
        pool = ArrayPool("handed_on", shape=(2,), capacity=1, clock=clock)
        leases: list[Any] = []
        errors: list[BaseException] = []

        def borrow_and_hand_on() -> None:
            leases.append(pool.acquire())

        def wait_in_vain() -> None:
            try:
                pool.acquire(timeout_s=0.01)
            except PoolExhausted as error:
                errors.append(error)

        for act in (borrow_and_hand_on, wait_in_vain):
            thread = threading.Thread(target=act)
            thread.start()
            thread.join()
        assert [type(error) for error in errors] == [PoolExhausted]
        leases.pop().release()
