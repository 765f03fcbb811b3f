"""From a record of ``logging`` to the fields of a line: all of them plain, bounded and harmless."""

from __future__ import annotations

import logging
import math
import reprlib
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePath
from typing import Any, Final

TEXT_MAX: Final = 1000  # characters
BLOCK_MAX: Final = 16_384
FIELDS_MAX: Final = 32
_ITEMS_MAX: Final = 16
# Fields that may have more than one line.
BLOCKS: Final = ("stack", "details")
_FIRST: Final = ("timestamp", "level", "logger", "event")
_TAKEN: Final = frozenset({*_FIRST, *BLOCKS, "", "exception", "logger_name"})
# Not a caller's fields: what every record has, and what formatters and uvicorn leave on it.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {
    "asctime", "color_message", "message", "taskName",
}  # fmt: skip
# Its warnings end with the stack of the buffer's holder, which is no stranger's text.
_TELLS_STACKS: Final = "framesrv.pool"

Fields = dict[str, Any]


def fields_of(record: logging.LogRecord, args: Any, exc_info: Any) -> Fields:
    """``args`` and ``exc_info`` are the record's; a formatter may have taken them from it."""
    event, block = _split(record, _message(record, args))
    block = "\n".join(filter(None, (block, _exception(exc_info), record.stack_info)))
    fields: Fields = {
        "timestamp": _time(record.created),
        "level": record.levelname.lower(),
        "logger": clipped(record.name),
        "event": clipped(event),
    }
    for name, value in _extra(record):
        fields[name] = plain(value)
    if block:
        fields["stack" if '  File "' in block else "details"] = end_of(_encodable(block))
    return fields


def plain(value: object) -> Any:  # noqa: PLR0911 - a row for each type
    """What JSON knows: None, a bool, a number that every reader can hold, a text, or a list.

    >>> plain("é"), plain(float("nan")), plain(b"123"), plain(10**99) == "0x" + f"{10**99:x}"
    ('é', 'nan', '3 bytes', True)
    """
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | PurePath):
        return clipped(str(value))
    if isinstance(value, int):
        number = int(value)
        return number if -(1 << 63) <= number < 1 << 64 else clipped(hex(number))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{memoryview(value).nbytes} bytes"
    if isinstance(value, list | tuple) and len(value) <= _ITEMS_MAX:
        return [item if isinstance(item, bool) else _item(item) for item in value]
    return clipped(reprlib.repr(value))


def clipped(text: str) -> str:
    """
    >>> clipped("a" * 1002)[-16:]
    'aaaaa...(2 more)'
    """
    more = len(text) - TEXT_MAX
    return _encodable(text) if more <= 0 else f"{_encodable(text[:TEXT_MAX])}...({more} more)"


def end_of(block: str) -> str:
    """The end of a traceback says what failed."""
    more = len(block) - BLOCK_MAX
    return block if more <= 0 else f"({more} more)...{block[-BLOCK_MAX:]}"


def _item(value: object) -> Any:
    known = isinstance(value, str | int | float)
    return plain(value) if known else clipped(reprlib.repr(value))


def _encodable(text: str) -> str:
    """Half a surrogate pair is no character, and strict readers of JSON refuse it."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _time(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord, args: Any) -> str:
    template = str(record.msg)
    if not args:
        return template
    try:
        message: str = template % args
    except Exception:  # the fault of whoever logged; what it was about is worth more
        return f"{template} {reprlib.repr(args)}"
    return message


def _split(record: logging.LogRecord, message: str) -> tuple[str, str]:
    """The event, and the lines below it. A stranger's text in a message begins no new line."""
    if "\n" not in message:
        return message, ""
    if "\n" not in str(record.msg) and record.name != _TELLS_STACKS:
        return message, ""
    event, _, block = message.partition("\n")
    return event.removesuffix(":"), block


def _exception(exc_info: Any) -> str:
    if exc_info is True or not exc_info:
        return ""
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    return "" if error is None else "".join(traceback.format_exception(error)).rstrip()


def _extra(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    left = FIELDS_MAX
    for name, value in record.__dict__.items():
        if name in _STANDARD or name.startswith("_") or not left:
            continue
        left -= 1
        yield (f"{name}_" if name in _TAKEN else clipped(name)), value
