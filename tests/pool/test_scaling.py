"""A server has buffers for all its workers, within its budget, whatever the machine."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.app import App, AppSettings, answer_sizes
from framesrv.engine import EngineSettings
from framesrv.ops.custom import Processors
from framesrv.pool import PoolSettings, scaling
from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes
from framesrv.pool.scaling import for_workers
from framesrv.pool.settings import DEFAULTS

BORROWED = ("rgba_320", "bgr_320", "resize_640x360", "jpeg")
MIB = 1024 * 1024


@given(st.integers(1, 256))
def test_every_worker_finds_a_buffer(workers: int) -> None:
    pools = for_workers(PoolSettings(), workers).pools
    for name in BORROWED:
        assert workers <= pools[name]["warm"] <= pools[name]["capacity"]
    jpeg = pools["jpeg"]
    assert jpeg["initial_bytes"] <= jpeg["max_bytes"] <= DEFAULTS["jpeg"]["max_bytes"]
    assert pools["json"] == DEFAULTS["json"]


def test_few_workers_change_nothing() -> None:
    assert for_workers(PoolSettings(), 4) == PoolSettings()


def test_what_somebody_has_set_stays() -> None:
    environ = {
        "FRAMESRV_POOL_RGBA_320_CAPACITY": "3",
        "FRAMESRV_POOL_BUDGET_BYTES": str(100 * MIB),
        "FRAMESRV_POOL_JPEG_MAX_BYTES": str(MIB),
    }
    asked = PoolSettings.from_env(environ)
    grown = for_workers(asked, 64)
    assert grown.budget_bytes == asked.budget_bytes
    for name in ("rgba_320", "jpeg"):
        assert grown.pools[name] == asked.pools[name]
    assert grown.pools["bgr_320"]["capacity"] >= 64


def test_a_budget_that_is_said_is_a_bound_even_if_it_is_the_default() -> None:
    asked = PoolSettings.from_env({"FRAMESRV_POOL_BUDGET_BYTES": str(default_budget_bytes())})
    assert for_workers(asked, 256).budget_bytes == default_budget_bytes()
    same = {"FRAMESRV_POOL_BGR_320_CAPACITY": "8", "FRAMESRV_POOL_BGR_320_WARM": "4"}
    assert for_workers(PoolSettings.from_env(same), 64).pools["bgr_320"] == DEFAULTS["bgr_320"]


@pytest.mark.parametrize(
    ("budget_mib", "workers"), [(128, 2), (128, 8), (256, 64), (512, 128), (1024, 256)]
)
def test_small_memory_and_many_cores(
    budget_mib: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that limits the memory and not the processor. Counted, not allocated."""
    monkeypatch.setattr(scaling, "default_budget_bytes", lambda: budget_mib * MIB)
    monkeypatch.setattr(scaling, "memory_limit_bytes", lambda: 2 * budget_mib * MIB)
    asked = for_workers(PoolSettings(budget_bytes=budget_mib * MIB), workers)
    assert asked.budget_bytes == budget_mib * MIB
    cold = {name: {**numbers, "warm": 0} for name, numbers in asked.pools.items()}
    manager = PoolSettings(asked.budget_bytes, pools=cold).build()
    try:
        settings = AppSettings(engine=EngineSettings(workers=workers))
        rest = manager.budget.total_bytes - manager.budget.named_bytes
        assert answer_bytes(settings, asked.budget_bytes) <= rest * 0.9
    finally:
        manager.shutdown()


def answer_bytes(settings: AppSettings, budget_bytes: int) -> int:
    capacity, _, max_bytes = answer_sizes(settings.engine.workers, budget_bytes)
    return capacity * max_bytes * 9 // 8  # a BytesIO may have room for an eighth more


def test_the_budget_grows_with_the_workers_and_not_beyond_half_of_the_memory() -> None:
    for workers in (1, 64, 256, 100_000):
        budget_bytes = for_workers(PoolSettings(), workers).budget_bytes
        assert default_budget_bytes() <= budget_bytes <= memory_limit_bytes() // 2


@pytest.mark.parametrize("workers", [1, 2, 9, 16, 33, 64, 100])
def test_a_server_with_its_defaults_starts_with_any_number_of_workers(workers: int) -> None:
    """Its pools once wanted workers squared answers, more than the budget from ten cores on."""

    async def look() -> None:
        app = App(AppSettings(engine=EngineSettings(workers=workers)), Processors())
        try:
            stats = app.manager.stats()
            assert stats["answer"].capacity >= workers
            assert all(stats[name].capacity >= workers for name in BORROWED)
            budget = app.manager.budget
            assert budget.named_bytes <= budget.total_bytes * 0.9, "other sizes need room as well"
        finally:
            app.manager.shutdown()

    asyncio.run(look())
