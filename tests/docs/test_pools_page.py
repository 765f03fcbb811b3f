"""docs/pools.md names every variable with its default, every error and every debug level."""

from __future__ import annotations

import re
from pathlib import Path

import framesrv.pool
from framesrv.pool import DebugLevel, PoolError
from framesrv.pool.machine import DEFAULT_BUDGET_BYTES
from framesrv.pool.settings import BUDGET_VARIABLE, DEFAULTS, variable_of

PAGE = (Path(__file__).parents[2] / "docs" / "pools.md").read_text()


def test_every_variable_is_there_with_its_default() -> None:
    documented = dict(re.findall(r"`(FRAMESRV_POOL_[A-Z0-9_]+)` (\w+)", PAGE))
    expected = {
        variable_of(pool, number): str(default)
        for pool, numbers in DEFAULTS.items()
        for number, default in numbers.items()
    }
    expected[BUDGET_VARIABLE] = str(DEFAULT_BUDGET_BYTES)
    expected["FRAMESRV_POOL_DEBUG"] = DebugLevel.SAMPLE.value
    assert documented == expected


def test_every_public_error_is_explained() -> None:
    public = [getattr(framesrv.pool, name) for name in framesrv.pool.__all__]
    errors = [
        each.__name__ for each in public if isinstance(each, type) and issubclass(each, PoolError)
    ]
    assert len(errors) > 8
    assert [name for name in errors if f"`{name}`" not in PAGE] == []


def test_every_debug_level_is_explained() -> None:
    assert [level for level in DebugLevel if f"| `{level.value}` |" not in PAGE] == []
