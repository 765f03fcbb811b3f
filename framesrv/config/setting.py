"""One setting: a field of a room's dataclass, with the names under which it can be set."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, get_type_hints

PREFIX: Final = "FRAMESRV_"


@dataclass(frozen=True, slots=True)
class Setting:
    room: str  # the table in the file; empty for what stands above all tables
    field: str
    hint: Any
    default: Any
    help: str = ""
    least: float | None = None
    most: float | None = None
    flag: str = ""

    @property
    def name(self) -> str:
        return f"{self.room}.{self.field}" if self.room else self.field

    @property
    def variable(self) -> str:
        """A setting with a flag is named like it; the others after their table.

        >>> Setting("engine", "workers", int, 2, flag="--workers").variable
        'FRAMESRV_WORKERS'
        >>> Setting("engine", "pool_wait_s", float, 1.0).variable
        'FRAMESRV_ENGINE_POOL_WAIT_S'
        """
        name = self.flag.removeprefix("--") if self.flag else self.name
        return PREFIX + name.upper().replace("-", "_").replace(".", "_")


def settings_of(
    room: str, kind: type[Any], flags: dict[str, str], leave_out: frozenset[str] = frozenset()
) -> Iterator[Setting]:
    """All fields of a room's dataclass. ``metadata`` may hold ``help``, ``least`` and ``most``."""
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        name = f"{room}.{field.name}" if room else field.name
        if name in leave_out:
            continue
        default = (
            field.default_factory()
            if field.default_factory is not dataclasses.MISSING
            else field.default
        )
        metadata = {
            key: field.metadata[key] for key in ("help", "least", "most") if key in field.metadata
        }
        yield Setting(
            room, field.name, hints[field.name], default, flag=flags.get(name, ""), **metadata
        )
