"""The configuration that holds, as the dashboard shows it: as ``show`` does, but no paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from framesrv.config.pipelines import as_toml
from framesrv.config.pools import Origins, pool_lines
from framesrv.config.rooms import all_settings
from framesrv.config.values import written
from framesrv.observability.live.effective import EffectiveSetting
from framesrv.pipeline.spec import PipelineSpec
from framesrv.pool import PoolSettings
from framesrv.transport.address import Address


def effective(
    values: Mapping[str, Any],
    *,
    origins: Mapping[str, str],
    pools: PoolSettings,
    pool_origins: Origins,
    pipelines: Mapping[str, PipelineSpec],
    file: Path | None,
) -> Iterator[EffectiveSetting]:
    named = {str(file): file.name} if file else {}  # the origin of what stands in the file

    def shown(name: str, value: str, origin: str) -> EffectiveSetting:
        return EffectiveSetting(name, value, named.get(origin, origin))

    for name in all_settings():
        yield shown(name, _written(values[name]), origins.get(name, "default"))
    for table, key, value, origin in pool_lines(pools, pool_origins):
        yield shown(f"{table}.{key}", _written(value), origin)
    for name, spec in pipelines.items():
        yield shown(f"pipelines.{name}.outputs", as_toml(spec.outputs), str(file))


def _written(value: object) -> str:
    """
    >>> _written((Path("/etc/framesrv/token"), Address(path="/run/f.sock"))), _written(None)
    ('token,unix:f.sock', 'off')
    """
    if isinstance(value, tuple):
        return ",".join(map(_written, value))
    if isinstance(value, Path):
        return value.name
    if isinstance(value, Address) and value.path:
        return f"unix:{Path(value.path).name}"
    return written(value)
