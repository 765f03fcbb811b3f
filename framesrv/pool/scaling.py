"""The server's pools, grown to the number of its workers where nobody has said otherwise.

Each worker holds a set of buffers while it works, so a pool with fewer than there are workers
would leave some of them waiting, whatever the machine.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes
from framesrv.pool.settings import (
    BUDGET_VARIABLE,
    DEFAULTS,
    SHAPES,
    Numbers,
    PoolSettings,
    variable_of,
)

_SPARE: Final = 4  # for the loop's thread, and what is on its way home
_MIB: Final = 1024 * 1024
_BUDGET_A_WORKER_BYTES: Final = 8 * _MIB
_ENCODED_SHARE: Final = 4  # of the budget, so much is for encoded outputs at most
_BORROWED: Final = (*SHAPES, "jpeg")  # by a worker, for as long as it works


def for_workers(settings: PoolSettings, workers: int) -> PoolSettings:
    budget_bytes = settings.budget_bytes
    if budget_bytes == default_budget_bytes() and BUDGET_VARIABLE not in settings.said:
        wanted = max(budget_bytes, workers * _BUDGET_A_WORKER_BYTES)
        budget_bytes = min(wanted, max(budget_bytes, memory_limit_bytes() // 2))
    pools = dict(settings.pools)
    for name in _BORROWED:
        own = {variable_of(name, key) for key in DEFAULTS[name]}
        if pools[name] == DEFAULTS[name] and not own & settings.said:
            pools[name] = _grown(pools[name], workers, budget_bytes)
    return replace(settings, budget_bytes=budget_bytes, pools=MappingProxyType(pools))


def _grown(numbers: Numbers, workers: int, budget_bytes: int) -> Numbers:
    capacity = max(numbers["capacity"], workers + _SPARE)
    grown = dict(numbers) | {"capacity": capacity, "warm": max(numbers["warm"], workers)}
    if "max_bytes" in numbers and capacity * numbers["max_bytes"] > budget_bytes // 2:
        # So many large ones at once would be most of the budget: those that grow are let go.
        each = budget_bytes // _ENCODED_SHARE // capacity
        grown["max_bytes"] = max(numbers["initial_bytes"], each)
    return MappingProxyType(grown)
