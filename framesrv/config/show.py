"""The configuration that holds, as a TOML file with the origin of each value beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from framesrv.config.load import Configuration
from framesrv.config.pipelines import as_toml, quoted
from framesrv.config.pools import pool_lines
from framesrv.config.rooms import all_settings
from framesrv.config.values import written

_COLUMN = 44

Line = tuple[str, str, object, str]  # table, key, value, origin


def show(configuration: Configuration) -> str:
    lines = [
        f"# What framesrv runs with. Flags go before FRAMESRV_* before {_file(configuration)}.",
        *_tables(_settings(configuration)),
        *_tables(pool_lines(configuration.settings.pools, dict(configuration.pool_origins))),
    ]
    for name, spec in configuration.settings.pipelines.items():
        lines += ["", f"[pipelines.{quoted(name)}]  # {configuration.file}"]
        if spec.decode_mode:
            lines.append(f"decode_mode = {as_toml(spec.decode_mode)}")
        lines.append(f"outputs = {as_toml(spec.outputs)}")
    return "\n".join(lines)


def _file(configuration: Configuration) -> str:
    return "the file (none was given)" if configuration.file is None else str(configuration.file)


def _settings(configuration: Configuration) -> Iterator[Line]:
    for name, setting in all_settings().items():
        origin = configuration.origins.get(name, "default")
        value = configuration.values[name]
        if value is None and setting.default is not None:
            value = "off"
        yield setting.room, setting.field, value, origin


def _tables(lines: Iterable[Line]) -> Iterator[str]:
    before = ""
    for table, key, value, origin in lines:
        if table != before:
            yield ""
            yield f"[{table}]"
            before = table
        given = f"{key} = {_as_toml(value)}" if value is not None else f"# {key} is not set"
        yield f"{given:<{_COLUMN}}  # {origin}"


def _as_toml(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_as_toml, value)) + "]"
    if isinstance(value, int | float):
        return written(value)
    return quoted(str(value) if isinstance(value, Path) else written(value))
