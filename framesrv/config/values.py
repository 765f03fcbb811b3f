"""From what was written, in a file or as text, to a value of a setting's type."""

from __future__ import annotations

import math
import types
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from framesrv.config.faults import Wrong, nearest_to
from framesrv.config.setting import Setting
from framesrv.errors import BadConfig

_DIGITS_MAX: Final = 18
_YES: Final = ("true", "yes", "on", "1")
_NO: Final = ("false", "no", "off", "0")


def read_value(raw: object, setting: Setting) -> Any:
    """Raises Wrong."""
    return _read(setting.hint, raw, setting)


def written(value: object) -> str:
    """A value as it would be written in a variable, or after a flag.

    >>> written(True), written(None), written((Path("/a"), Path("/b"))), written(2.0)
    ('true', 'off', '/a,/b', '2.0')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "off"
    return ",".join(map(written, value)) if isinstance(value, tuple) else str(value)


def _read(hint: Any, raw: object, setting: Setting) -> Any:  # noqa: PLR0911 - a row for each type
    if get_origin(hint) in (Union, types.UnionType):
        inner = next(each for each in get_args(hint) if each is not type(None))
        return None if raw == "off" else _read(inner, raw, setting)
    if get_origin(hint) is tuple:
        return _read_items(get_args(hint)[0], raw, setting)
    if hint is bool:
        return _read_switch(raw, setting)
    if hint is int:
        return _within(_whole(raw, setting), setting)
    if hint is float:
        return _within(_number(raw, setting), setting)
    if hint is Path:
        return Path(_text(raw, setting))
    if issubclass(hint, StrEnum):
        return _chosen(hint, raw, setting)
    if hasattr(hint, "parse"):
        return _parsed(hint, raw, setting)
    return _text(raw, setting)


def _read_items(hint: Any, raw: object, setting: Setting) -> tuple[Any, ...]:
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(",") if part.strip()]
    if not isinstance(raw, list | tuple):
        raise Wrong("a list of texts", written(setting.default))
    return tuple(_read(hint, item, setting) for item in raw)


def _read_switch(raw: object, setting: Setting) -> bool:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip().lower() in (*_YES, *_NO):
        return raw.strip().lower() in _YES
    raise Wrong("true or false", written(setting.default))


def _whole(raw: object, setting: Setting) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    text = raw.strip() if isinstance(raw, str) else ""
    digits = text.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX:
        return int(text)
    raise Wrong(_allowed("a whole number", setting), written(setting.default))


def _number(raw: object, setting: Setting) -> float:
    if isinstance(raw, str) and len(raw) <= 2 * _DIGITS_MAX:
        try:
            raw = float(raw)
        except ValueError:
            raw = None
    if isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw):
        return float(raw)
    raise Wrong(_allowed("a number", setting), written(setting.default))


def _within(number: Any, setting: Setting) -> Any:
    least, most = setting.least, setting.most
    if least is not None and number < least:
        raise Wrong(_allowed(_kind(setting), setting), written(least))
    if most is not None and number > most:
        raise Wrong(_allowed(_kind(setting), setting), written(most))
    return number


def _kind(setting: Setting) -> str:
    return "a whole number" if setting.hint is int else "a number"


def _allowed(kind: str, setting: Setting) -> str:
    least, most = setting.least, setting.most
    if least is not None and most is not None:
        return f"{kind} from {least} to {most}"
    return kind if least is None else f"{kind} of at least {least}"


def _text(raw: object, setting: Setting) -> str:
    if isinstance(raw, str) and raw and "\0" not in raw:
        return raw
    default = setting.default
    raise Wrong("a text that is not empty", written(default) if default else "")


def _chosen(hint: type[StrEnum], raw: object, setting: Setting) -> StrEnum:
    names = [member.value for member in hint]
    text = raw.strip().lower() if isinstance(raw, str) else ""
    if text in names:
        return hint(text)
    nearest = nearest_to(text, names, 0.4) or written(setting.default)
    raise Wrong("one of " + ", ".join(names), nearest)


def _parsed(hint: Any, raw: object, setting: Setting) -> Any:
    if isinstance(raw, str):
        try:
            return hint.parse(raw.strip())
        except BadConfig as fault:
            raise Wrong("", written(setting.default), because=str(fault)) from None
    raise Wrong("a text", written(setting.default))
