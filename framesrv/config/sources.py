"""Where values come from: flags, the environment, a file. The first that has one wins."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from framesrv.config.faults import unknown
from framesrv.config.rooms import CONFIG_VARIABLE, all_settings
from framesrv.config.setting import PREFIX
from framesrv.pool.settings import PREFIX as POOL_PREFIX

TABLES_OF_THEIR_OWN: Final = ("pool", "pipelines")
# Kubernetes tells every pod of every service; one that is named framesrv looks like ours.
_OF_KUBERNETES: Final = re.compile(
    r"FRAMESRV_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)"
)
_KUBERNETES_PORT: Final = re.compile(r"FRAMESRV_(\w+_)?PORT")


@dataclass(frozen=True, slots=True)
class Raw:
    """A value as it was written, the name under which it was, and the source in short."""

    value: object
    name: str
    origin: str


def from_flags(flags: Mapping[str, object]) -> dict[str, Raw]:
    """Of those that were given, by the setting's name."""
    settings = all_settings()
    return {
        name: Raw(value, settings[name].flag, settings[name].flag)
        for name, value in flags.items()
        if value is not None and value != []
    }


def from_environ(environ: Mapping[str, str], faults: list[str]) -> dict[str, Raw]:
    by_variable = {setting.variable: name for name, setting in all_settings().items()}
    raws = {}
    for variable, text in sorted(environ.items()):
        if name := by_variable.get(variable):
            raws[name] = Raw(text, variable, variable)
        elif _is_ours(variable, text):
            known = [*by_variable, CONFIG_VARIABLE]
            faults.append(unknown(variable, "a variable of framesrv", known))
    return raws


def _is_ours(variable: str, text: str) -> bool:
    if not variable.startswith(PREFIX) or variable.startswith(POOL_PREFIX):
        return False  # the pools look after theirs
    if variable == CONFIG_VARIABLE or _OF_KUBERNETES.fullmatch(variable):
        return False
    return not (_KUBERNETES_PORT.fullmatch(variable) and "://" in text)


class File:
    """A TOML file: a table for each room, and those of the pools and of the named pipelines."""

    def __init__(self, path: Path | None, name: str, faults: list[str]) -> None:
        self.path = path
        self.tables: dict[str, Any] = {}
        if path is None:
            return
        try:
            self.tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            faults.append(f"{name} {path} cannot be read: {(error.strerror or 'no file').lower()}")
        except UnicodeDecodeError:
            faults.append(f"{name} {path} is not a text in UTF-8")
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            faults.append(f"{name} {path} is not TOML: {str(error) or 'nested too deep'}")

    def table(self, name: str, faults: list[str]) -> dict[str, Any]:
        table = self.tables.get(name, {})
        if isinstance(table, dict):
            return table
        faults.append(f"{self.named(name)} must be a table: [{name}]")
        return {}

    def raws(self, faults: list[str]) -> dict[str, Raw]:
        """The values of all rooms, by the setting's name; a fault for each unknown key."""
        settings = all_settings()
        rooms = {setting.room for setting in settings.values() if setting.room}
        raws = {}
        for name, value in self._flat(rooms, faults):
            if name in settings:
                raws[name] = Raw(value, self.named(name), str(self.path))
            else:
                known = [*settings, *rooms, *TABLES_OF_THEIR_OWN]
                faults.append(unknown(name, "a setting", known, self.named(name)))
        return raws

    def _flat(self, rooms: set[str], faults: list[str]) -> Iterator[tuple[str, object]]:
        for key, value in self.tables.items():
            if key in rooms:
                for field, inner in self.table(key, faults).items():
                    yield f"{key}.{field}", inner
            elif key not in TABLES_OF_THEIR_OWN:
                yield key, value

    def named(self, key: str) -> str:
        return f"{key} in {self.path}"
