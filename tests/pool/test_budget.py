"""One limit on the bytes of all pools."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.errors import BadConfig
from framesrv.pool.budget import ByteBudget
from framesrv.pool.ticket import Permit


class Elastic:
    """As much of a pool as the budget sees."""

    def __init__(self, held_bytes: int, promised_bytes: int) -> None:
        self.held_bytes = held_bytes
        self.promised_bytes = promised_bytes

    def make_room(self, nbytes: int) -> None:
        """Nothing is idle here."""


def test_it_begins_all_free() -> None:
    budget = ByteBudget(1000)
    assert (budget.named_bytes, budget.reserved_bytes) == (0, 0)
    assert budget.elastic_bytes == budget.free_bytes == 1000


def test_named_pools_count_in_full() -> None:
    budget = ByteBudget(1000)
    budget.count_in({"a": 300})
    budget.count_in({"b": 200})
    assert (budget.named_bytes, budget.elastic_bytes, budget.free_bytes) == (500, 500, 500)
    assert budget.named == {"a": 300, "b": 200}


def test_what_exists_and_what_is_promised_is_reserved() -> None:
    budget = ByteBudget(1000)
    pools: list[Any] = [Elastic(100, 50), Elastic(0, 25)]
    budget.elastic += pools
    budget.count_in({"a": 300})
    assert (budget.reserved_bytes, budget.free_bytes) == (175, 525)


def test_it_may_be_used_up_exactly() -> None:
    budget = ByteBudget(1000)
    pool: Any = Elastic(100, 0)
    budget.elastic.append(pool)
    budget.count_in({"a": 900})
    assert budget.free_bytes == 0
    with pytest.raises(BadConfig):
        budget.count_in({"b": 1})


def test_a_refusal_names_the_sum_and_its_parts_and_changes_nothing() -> None:
    budget = ByteBudget(10_000)
    budget.count_in({"a": 3000})
    pool: Any = Elastic(1500, 0)
    budget.elastic.append(pool)
    with pytest.raises(BadConfig) as caught:
        budget.count_in({"b": 6000})
    assert str(caught.value) == (
        "the pools need 9,000 bytes (a 3,000, b 6,000) but the budget is 10,000 (1,500 of it lent "
        "to other sizes now): lower a capacity or a size, or set FRAMESRV_POOL_BUDGET_BYTES to "
        "9000 or more"
    )
    assert budget.named == {"a": 3000}


@pytest.mark.parametrize("total", [0, -1, 1.5, "1", None])
def test_a_total_that_cannot_be(total: Any) -> None:
    with pytest.raises(BadConfig, match="budget_bytes must be a whole number of at least 1, not"):
        ByteBudget(total)


def test_a_permit_that_is_lost_frees_its_room() -> None:
    """As an interrupt may lose it, between the grant and the allocation."""
    from framesrv.pool import PoolManager

    manager = PoolManager(1 << 20)
    ladder: Any = manager.pools[0]
    permit: Permit | None = ladder.permit(1 << 19)
    assert permit is not None
    assert manager.budget.reserved_bytes == 1 << 19
    assert ladder.permit((1 << 19) + 1) is None
    del permit
    assert manager.budget.reserved_bytes == 0
