"""Thousands of random steps of several borrowers against a simple model.

The borrowers are asyncio tasks in virtual time, so every interleaving is repeatable. After each
step the outcome of every request equals the model's, every number adds up, the budget holds,
and each holder still finds its own pattern in its buffers.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from framesrv.pool import (
    ArrayPool,
    BytesIOPool,
    DebugLevel,
    PoolManager,
    PoolStats,
    SizeClasses,
)
from framesrv.testing.clocks import VirtualLoop
from framesrv.testing.contract import check_identities
from tests.pool.borrower import Borrower
from tests.pool.model import ELASTIC, NAMED, Model, Request

pytestmark = pytest.mark.unmeasured

PAGE = 4096
CLASSES = SizeClasses(smallest_bytes=PAGE, largest_bytes=4 * PAGE, per_doubling=1)
ELASTIC_PAGES = 8
SHAPES = {1: (64, 64), 2: (2, 64, 64), 4: (4, 64, 64), 6: (6, 64, 64)}  # pages -> shape

wishes = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(NAMED), st.just(1)),
        st.tuples(st.just(ELASTIC), st.sampled_from(list(SHAPES))),
    ),
    min_size=1,
    max_size=3,
).filter(
    lambda wants: (
        sum(a for n, a in wants if n == ELASTIC) <= ELASTIC_PAGES
        and sum(n == "bytes" for n, _ in wants) <= 2
    )
)


class PoolMachine(RuleBasedStateMachine):
    level = DebugLevel.SAMPLE

    @initialize()
    def start(self) -> None:
        self.loop = VirtualLoop()
        clock = self.loop.clock
        named = PAGE * 3 + (1024 + 128) * 2
        self.manager = PoolManager(
            named + ELASTIC_PAGES * PAGE, classes=CLASSES, debug=self.level, clock=clock
        )
        for pool in (
            ArrayPool("array", shape=(16,), capacity=3, warm=1, debug=self.level, clock=clock),
            BytesIOPool(
                "bytes", initial_bytes=64, max_bytes=1024, capacity=2, debug=self.level, clock=clock
            ),
        ):
            self.manager.register(pool)
        self.model = Model({"array": 3, "bytes": 2, ELASTIC: ELASTIC_PAGES})
        self.borrowers: list[Borrower] = []
        self.kept: list[tuple[str, int, Any]] = []
        self.last: dict[str, PoolStats] = {}
        self.asked = 0

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        for borrower in self.borrowers:
            borrower.task.cancel()
        self.settle()
        self.loop.close()

    def settle(self, seconds: float = 0.0) -> None:
        """Let every task go as far as it can."""

        async def rest() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            if seconds:
                await asyncio.sleep(seconds)

        self.loop.run_until_complete(rest())

    # -- steps ---------------------------------------------------------------------------------

    @rule(wants=wishes, timeout_ms=st.integers(0, 60))
    def borrow(self, wants: list[tuple[str, int]], timeout_ms: int) -> None:
        self.asked += 1
        timeout_s = (timeout_ms + self.asked / 1000) / 1000  # no two deadlines are the same
        job = {
            str(place): name if name in NAMED else SHAPES[amount]
            for place, (name, amount) in enumerate(wants)
        }

        async def acquire() -> Any:
            return await self.manager.acquire_all_async(job, timeout_s)

        request = Request(list(wants), self.loop.time() + timeout_s)
        task = self.loop.create_task(acquire())
        self.borrowers.append(Borrower(request, task, self.asked % 250 + 1))
        self.model.ask(request)
        self.settle()

    @precondition(lambda self: self.holders())
    @rule(data=st.data(), keep=st.integers(0, 7))
    def give_back(self, data: st.DataObject, keep: int) -> None:
        borrower = data.draw(st.sampled_from(self.holders()))
        wants = borrower.request.wants
        kept = {place for place in range(len(wants)) if keep >> place & 1}
        handles = [(*wants[place], borrower.task.result()[str(place)]) for place in sorted(kept)]
        self.kept += [
            (name, amount, lease.buffer if name == "bytes" else lease.array)
            for name, amount, lease in handles
        ]
        del handles
        self.forget(borrower).release()
        self.model.give_back(borrower.request, kept=kept)
        self.settle()

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def let_go(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.kept) - 1))
        name, amount = self.kept.pop(index)[:2]
        self.model.let_go(name, amount)
        self.look()

    @precondition(lambda self: self.holders())
    @rule(data=st.data())
    def drop_without_release(self, data: st.DataObject) -> None:
        borrower = data.draw(st.sampled_from(self.holders()))
        self.forget(borrower)
        self.model.give_back(borrower.request, kept=set())
        self.look()

    @precondition(lambda self: self.waiters())
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        borrower = data.draw(st.sampled_from(self.waiters()))
        borrower.task.cancel()
        self.model.give_up(borrower.request, "cancelled")
        self.settle()

    @rule(milliseconds=st.integers(1, 80))
    def pass_time(self, milliseconds: int) -> None:
        self.settle(milliseconds / 1000)
        self.model.pass_time(self.loop.time())

    @rule(idle_for_ms=st.sampled_from([0, 20]))
    def trim(self, idle_for_ms: int) -> None:
        self.manager.trim(idle_for_ms / 1000)
        self.settle()

    @rule(shot=st.integers(0, 40))
    def close(self, shot: int) -> None:
        if shot == 0 and self.asked > 10:
            self.manager.drain()
            self.model.close()
            self.settle()

    # -- what the steps need -------------------------------------------------------------------

    def holders(self) -> list[Borrower]:
        return [each for each in self.borrowers if each.request.outcome == "held"]

    def waiters(self) -> list[Borrower]:
        return [each for each in self.borrowers if each.request.outcome == "waiting"]

    def forget(self, borrower: Borrower) -> Any:
        """Take the leases away from a borrower; only the caller has them then."""
        self.borrowers.remove(borrower)
        leases = borrower.task.result()
        del borrower.task
        return leases

    def look(self) -> None:
        """What nobody tells the pools of, they find when they look."""
        gc.collect(0)
        self.manager.stats()
        self.settle()

    # -- what must hold ------------------------------------------------------------------------

    @invariant()
    def all_is_well(self) -> None:
        if hasattr(self, "manager"):
            self.outcomes_are_those_of_the_model()
            self.nobody_sees_a_foreign_pattern()
            self.numbers_add_up()

    def outcomes_are_those_of_the_model(self) -> None:
        for borrower in self.borrowers:
            assert borrower.outcome() == borrower.request.outcome, borrower.request

    def nobody_sees_a_foreign_pattern(self) -> None:
        for borrower in self.holders():
            for buffer in borrower.buffers():
                if isinstance(buffer, np.ndarray):
                    if borrower.filled:
                        assert (buffer == borrower.pattern).all()
                    buffer.fill(borrower.pattern)
                else:
                    expected = bytes([borrower.pattern]) * 100 if borrower.filled else b""
                    assert buffer.getvalue() == expected
                    if not borrower.filled:
                        buffer.write(bytes([borrower.pattern]) * 100)
            borrower.filled = True

    def numbers_add_up(self) -> None:
        now = self.manager.stats()
        for name, stats in now.items():
            check_identities(stats)
            before = self.last.get(name, stats)
            for counter in (
                "gets",
                "hits",
                "misses",
                "returns",
                "discards",
                "trimmed",
                "leaks",
                "timeouts",
            ):
                assert getattr(stats, counter) >= getattr(before, counter), (name, counter)
        self.last = now
        self.the_numbers_are_those_of_the_model(now)

    def the_numbers_are_those_of_the_model(self, now: dict[str, PoolStats]) -> None:
        held = [want for each in self.holders() for want in each.request.wants]
        for name in NAMED:
            assert now[name].leased == sum(want[0] == name for want in held)
            assert now[name].quarantined == self.model.quarantined[name]
        elastic = [now["ladder"], now["oversize"]]
        assert sum(stats.leased for stats in elastic) == sum(want[0] == ELASTIC for want in held)
        for state, pages in (
            ("leased", sum(amount for name, amount in held if name == ELASTIC)),
            ("quarantined", self.model.quarantined[ELASTIC]),
        ):
            assert sum(stats.bytes_by_state[state] for stats in elastic) == pages * PAGE
        budget = self.manager.budget
        promised = sum(pool.promised_bytes for pool in budget.elastic)
        assert sum(stats.bytes_total for stats in elastic) + promised == budget.reserved_bytes
        assert 0 <= budget.reserved_bytes <= budget.elastic_bytes


class PoisonedPoolMachine(PoolMachine):
    level = DebugLevel.POISON


def test_random_steps_agree_with_the_model() -> None:
    run_state_machine_as_test(PoolMachine, settings=settings(stateful_step_count=60))


def test_random_steps_agree_with_the_model_at_poison() -> None:
    run_state_machine_as_test(PoisonedPoolMachine, settings=settings(stateful_step_count=60))
