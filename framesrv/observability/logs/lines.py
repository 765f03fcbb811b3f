"""Logging goes to stderr: stdout has the ready line and nothing else.

The rooms use ``logging`` with ``extra`` for fields; here is where their records become lines.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Final, TextIO

from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from framesrv.observability.logs.fields import BLOCKS, fields_of
from framesrv.observability.logs.rate import RateLimit
from framesrv.observability.logs.settings import LogFormat, LogSettings
from framesrv.observability.logs.writer import LineWriter, may_wait

_INDENT: Final = "    "
_EVENT_WIDTH: Final = 24


def set_up(settings: LogSettings, stream: TextIO | None = None) -> None:
    stream = sys.stderr if stream is None else stream
    if stream is None:  # the process was started without one
        logging.basicConfig(handlers=[logging.NullHandler()], force=True)
        logging.captureWarnings(True)
        return
    terminal = stream.isatty()
    human = terminal if settings.format is LogFormat.AUTO else settings.format is LogFormat.HUMAN
    colours = terminal and not os.environ.get("NO_COLOR") and sys.platform != "win32"
    form = lines_for_people(colours=colours) if human else json_lines()
    handler = LineHandler(LineWriter(stream.fileno()) if may_wait(stream) else stream, form)
    logging.basicConfig(handlers=[handler], level=settings.level.upper(), force=True)
    logging.captureWarnings(True)
    # Told by strangers' mistakes, a line each, in words that help nobody.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def json_lines() -> logging.Formatter:
    """Each is one line and valid JSON, whatever was logged."""
    return _LineFormatter(_fields, JSONRenderer())


def lines_for_people(*, colours: bool) -> logging.Formatter:
    """Values are quoted as Python would; what has several lines stands indented below."""
    renderer = ConsoleRenderer(
        pad_event_to=_EVENT_WIDTH,
        colors=colours,
        repr_native_str=True,
        sort_keys=False,
        exception_formatter=plain_traceback,
    )
    return _LineFormatter(_fields, _harmless, renderer)


class LineHandler(logging.StreamHandler[TextIO | LineWriter]):
    """Nothing raises out of it, and nothing floods it."""

    def __init__(
        self, stream: TextIO | LineWriter, form: logging.Formatter, limit: RateLimit | None = None
    ) -> None:
        super().__init__(stream)
        self.setFormatter(form)
        self._limit = limit or RateLimit()

    def handle(self, record: logging.LogRecord) -> bool:
        if not self._limit.passes(record):
            return False
        handled = super().handle(record)
        self._tell(self._limit.owed())
        return bool(handled)

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(self.stream, LineWriter) and (lost := self.stream.settle()):
            super().emit(_of_lost(lost))
        super().emit(record)

    def close(self) -> None:
        self._tell(self._limit.owed(quiet_s=0))
        super().close()
        if isinstance(self.stream, LineWriter):
            self.stream.close()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """stderr cannot be written to: nobody is left to tell."""

    def _tell(self, records: Any) -> None:
        for record in records:
            super().handle(record)


def _of_lost(lines: int) -> logging.LogRecord:
    known = {"name": "framesrv.logs", "levelno": logging.WARNING, "levelname": "WARNING"}
    return logging.makeLogRecord({**known, "msg": "lines were lost: nobody read", "lost": lines})


class _LineFormatter(ProcessorFormatter):
    def __init__(self, *processors: Any) -> None:
        # The message is put together below, where bad arguments cost no line.
        super().__init__(processors=processors, use_get_message=False, pass_foreign_args=True)

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # a value that cannot even be shown
            where = f"{record.pathname}:{record.lineno}"
            lost = logging.LogRecord(
                str(record.name), logging.ERROR, "", 0, "a line could not be written", (), None
            )
            lost.__dict__.update(where=where, error=type(error).__name__)
            return super().format(lost)


def _fields(_: WrappedLogger, __: str, given: EventDict) -> EventDict:
    return fields_of(given["_record"], given.get("positional_args"), given.get("exc_info"))


def _harmless(_: WrappedLogger, __: str, fields: EventDict) -> EventDict:
    """No text begins a line of its own, moves the cursor or changes a colour."""
    shown = {_visible(name): value for name, value in fields.items()}
    for name in ("logger", "event", "level"):
        shown[name] = _visible(shown[name])
    below = [line for name in BLOCKS for line in shown.pop(name, "").splitlines()]
    if below:
        shown["stack"] = "\n".join(_INDENT + _visible(line) for line in below)
    return shown


def _visible(text: str) -> str:
    """
    >>> _visible("a\\tb\\x1b[31m"), _visible("é \\u2028")
    ('a\\\\tb\\\\x1b[31m', 'é \\\\u2028')
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
