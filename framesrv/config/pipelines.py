"""Named pipelines, from [pipelines.NAME] tables to the same records that the wire makes.

[pipelines.thumbnail]
outputs = [{ name = "small", encoding = "webp", quality = 80, ops = [
    { resize = { width = 320, height = 320, fit = "contain" } },
    { convert = { format = "rgba32" } },
] }]
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from framesrv.config.faults import Wrong, nearest_to, told, unknown
from framesrv.config.sources import File
from framesrv.ops.registry import OPS
from framesrv.pipeline.spec import Op, OutputSpec, PipelineSpec

Record = TypeVar("Record")

_STEMS = ("pixel_format_", "encoding_", "interpolation_", "fit_", "decode_mode_")


def read_pipelines(file: File, faults: list[str]) -> dict[str, PipelineSpec]:
    """Whether they can be planned is not asked here."""
    reading = _Reading(file, faults)
    return {
        name: reading.pipeline(f"pipelines.{name}", table)
        for name, table in file.table("pipelines", faults).items()
    }


class _Reading:
    def __init__(self, file: File, faults: list[str]) -> None:
        self._file = file
        self._faults = faults

    def pipeline(self, where: str, table: object) -> PipelineSpec:
        outputs = self._list(f"{where}.outputs", table, "outputs")
        return self._record(
            PipelineSpec,
            where,
            table,
            outputs=tuple(
                self._output(f"{where}.outputs[{number}]", output)
                for number, output in enumerate(outputs)
            ),
        )

    def _output(self, where: str, table: object) -> OutputSpec:
        ops = self._list(f"{where}.ops", table, "ops")
        read = (self._op(f"{where}.ops[{number}]", op) for number, op in enumerate(ops))
        return self._record(OutputSpec, where, table, ops=tuple(op for op in read if op))

    def _op(self, where: str, table: object) -> Op | None:
        if not isinstance(table, dict) or len(table) != 1:
            self._fault(where, table, Wrong("a table with one operation, { flip = {...} }"))
            return None
        name, values = next(iter(table.items()))
        if name not in OPS:
            self._faults.append(unknown(name, "an operation", OPS, self._file.named(where)))
            return None
        return self._record(OPS[name], f"{where}.{name}", values)

    def _list(self, where: str, table: object, key: str) -> list[Any]:
        value = table.get(key, []) if isinstance(table, dict) else []
        if isinstance(value, list):
            return value
        self._fault(where, value, Wrong("a list: [...]"))
        return []

    def _record(self, kind: type[Record], where: str, table: object, **ready: Any) -> Record:
        """A record of this kind, its other fields read from the table."""
        if not isinstance(table, dict):
            self._fault(where, table, Wrong("a table: {...}"))
            return kind(**ready)
        hints = get_type_hints(kind)
        values = dict(ready)
        for key, raw in table.items():
            if key in ready:
                continue
            if key not in hints:
                inner = self._file.named(f"{where}.{key}")
                self._faults.append(unknown(key, "known there", hints, inner))
                continue
            try:
                values[key] = _field(hints[key], raw)
            except Wrong as wrong:
                self._fault(f"{where}.{key}", raw, wrong)
        return kind(**values)

    def _fault(self, where: str, value: object, wrong: Wrong) -> None:
        self._faults.append(told(self._file.named(where), value, wrong))


def _field(hint: Any, raw: object) -> Any:
    """Raises Wrong. Only the type is looked at: the operation knows what its values may be."""
    if get_origin(hint) is types.UnionType:
        return _enum_value(get_args(hint)[0], raw)
    if get_origin(hint) is tuple:  # options of a custom operation
        if isinstance(raw, dict) and all(isinstance(value, str) for value in raw.values()):
            return tuple(sorted(raw.items()))
        raise Wrong('a table of texts: { key = "value" }')
    if hint is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if type(raw) is not hint:
        kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
        raise Wrong(kinds[hint])
    return raw


def _enum_value(hint: type[IntEnum], raw: object) -> IntEnum:
    """By name in any case, with or without the wire's prefix, or by number."""
    by_name = {member.name.lower(): member for member in hint if member}
    if isinstance(raw, str):
        text = raw.lower()
        for stem in _STEMS:
            text = text.removeprefix(stem)
        if text in by_name:
            return by_name[text]
    elif isinstance(raw, int) and not isinstance(raw, bool) and raw in list(by_name.values()):
        return hint(raw)
    nearest = nearest_to(str(raw).lower(), by_name, 0.3) or next(iter(by_name))
    raise Wrong("one of " + ", ".join(by_name), nearest)


def as_toml(value: object) -> str:
    """A pipeline, or a part of it, in the form in which it is read."""
    if isinstance(value, IntEnum):
        return f'"{value.name.lower()}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = (f"{quoted(key)} = {as_toml(inner)}" for key, inner in value.items())
        return "{ " + ", ".join(pairs) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return _record_as_toml(value) if dataclasses.is_dataclass(value) else repr(value)


def _record_as_toml(record: Any) -> str:
    given = []
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if value != field.default:
            value = dict(value) if field.name == "options" else value
            given.append(f"{field.name} = {as_toml(value)}")
    text = "{ " + ", ".join(given) + " }" if given else "{}"
    name = next((name for name, kind in OPS.items() if kind is type(record)), "")
    return "{ " + f"{name} = {text}" + " }" if name else text


def quoted(text: str) -> str:
    """As a basic string of TOML.

    >>> print(quoted('say "hi"'))
    "say \\"hi\\""
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'
