"""The pools' settings. ``FRAMESRV_POOL_*`` is read by the pools themselves; [pool] means the same.

Both ``rgba_320_capacity = 4`` in [pool] and ``capacity = 4`` in [pool.rgba_320] will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from framesrv.config.faults import faults_of
from framesrv.config.sources import File
from framesrv.config.values import written
from framesrv.errors import BadConfig
from framesrv.pool import PoolSettings
from framesrv.pool.debug.level import VARIABLE as DEBUG_VARIABLE
from framesrv.pool.settings import BUDGET_VARIABLE, PREFIX, variable_of

Origins = dict[str, str]


def read_pools(
    file: File, environ: Mapping[str, str], faults: list[str]
) -> tuple[PoolSettings | None, Origins]:
    """The settings, and where each variable's value came from."""
    texts: dict[str, str] = {}
    names: dict[str, str] = {}  # what to call the variables that stand in the file
    for key, value in _flat(file.table("pool", faults)):
        variable = PREFIX + key.upper().replace(".", "_")
        texts[variable] = value if isinstance(value, str) else written(value)
        names[variable] = file.named(f"pool.{key}")
    own = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    origins = dict.fromkeys(texts, str(file.path)) | {name: name for name in own}
    in_file = {name: told for name, told in names.items() if name not in own}
    try:
        return PoolSettings.from_env(texts | own), origins
    except BadConfig as error:
        faults += [
            re.sub(r"FRAMESRV_POOL_\w+", lambda match: in_file.get(match[0], match[0]), fault)
            for fault in faults_of(error)
        ]
        return None, origins


def _flat(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    for key, value in table.items():
        if isinstance(value, dict) and not above:
            yield from _flat(value, f"{key}.")
        else:
            yield above + key, value


def pool_lines(pools: PoolSettings, origins: Origins) -> Iterator[tuple[str, str, object, str]]:
    """Table, key, value and origin of each, to be shown."""
    budget = pools.budget_bytes
    yield "pool", "budget_bytes", budget, origins.get(BUDGET_VARIABLE, "default")
    yield "pool", "debug", pools.debug, origins.get(DEBUG_VARIABLE, "default")
    for name, numbers in pools.pools.items():
        for key, number in numbers.items():
            origin = origins.get(variable_of(name, key), "default")
            if key == "warm" and origin == "default" and variable_of(name, "capacity") in origins:
                origin = "follows capacity"
            yield f"pool.{name}", key, number, origin
