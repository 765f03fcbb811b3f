"""Lines as they are written: one each, valid, bounded, and never a fault of whoever logged."""

from __future__ import annotations

import datetime as dt
import gc
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason
from framesrv.observability.logs.fields import BLOCK_MAX, FIELDS_MAX, TEXT_MAX
from framesrv.observability.logs.lines import LineHandler, json_lines, lines_for_people, set_up
from framesrv.observability.logs.rate import USUAL
from framesrv.observability.logs.settings import LogFormat, LogLevel, LogSettings
from framesrv.pool import ArrayPool, DebugLevel

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z \[\w+ *\] ")
ANY_TEXT = st.text(st.characters(), max_size=60)  # surrogates and control characters too
ANY_NAME = ANY_TEXT | st.sampled_from(
    ["event", "level", "stack", "details", "exception", "logger_name", "suppressed", "reason"]
)
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("not to be seen")

    __repr__ = __str__


class Number(IntEnum):
    ONE = 1


def record(msg: Any, *args: Any, name: Any = "framesrv.test", **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.WARNING, "file.py", 7, msg, args, None)
    made.__dict__.update(fields)
    return made


def as_json(line: logging.LogRecord) -> dict[str, Any]:
    text = json_lines().format(line)
    assert len(text.splitlines()) == 1
    text.encode("ascii")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    str(found).encode()  # half a surrogate pair would be no text
    return found


def for_people(line: logging.LogRecord) -> list[str]:
    return lines_for_people(colours=False).format(line).split("\n")


@pytest.fixture
def root() -> Iterator[io.StringIO]:
    """Logging as it was, afterwards."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    for handler in handlers:
        logger.removeHandler(handler)  # or they would be closed
    try:
        yield io.StringIO()
    finally:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        for handler in handlers:
            logger.addHandler(handler)
        logger.setLevel(level)
        logging.captureWarnings(False)


# -- JSON --------------------------------------------------------------------------------------


def test_the_keys_and_their_order() -> None:
    line = record("stream %s", "opened", stream_id="cam-1", window=16, published=False)
    found = as_json(line)
    assert list(found) == [
        "timestamp", "level", "logger", "event", "stream_id", "window", "published",
    ]  # fmt: skip
    assert found["timestamp"].endswith("Z")
    at = dt.datetime.fromisoformat(found["timestamp"])
    assert abs(at.timestamp() - line.created) < 1e-5
    del found["timestamp"]
    assert found == {
        "level": "warning", "logger": "framesrv.test", "event": "stream opened",
        "stream_id": "cam-1", "window": 16, "published": False,
    }  # fmt: skip


@given(msg=ANY_TEXT, fields=st.dictionaries(ANY_NAME, ANY_VALUE, max_size=5), arg=ANY_VALUE)
def test_anything_is_one_line_of_json(msg: str, fields: dict[str, Any], arg: Any) -> None:
    standard = vars(logging.makeLogRecord({}))
    fields = {name: value for name, value in fields.items() if name not in standard}
    for line in (record(msg, **fields), record(msg, arg, **fields), record("%s", arg, **fields)):
        assert {"timestamp", "level", "logger", "event"} <= set(as_json(line))


def test_values_keep_their_kind_where_json_has_it() -> None:
    values = {
        "a": 1, "b": 2.5, "c": True, "d": None, "e": "é\n\ud800", "f": Reason.QUEUE_FULL,
        "g": Number.ONE, "h": Path("/x"), "i": ["a", 1, True], "j": float("inf"), "k": b"\0" * 9,
        "l": 1 << 70,
    }  # fmt: skip
    found = as_json(record("x", **values))
    assert {name: found[name] for name in values} == {
        "a": 1, "b": 2.5, "c": True, "d": None, "e": "é\n\\ud800", "f": "QUEUE_FULL",
        "g": 1, "h": "/x", "i": ["a", 1, True], "j": "inf", "k": "9 bytes",
        "l": hex(1 << 70),
    }  # fmt: skip


def test_what_is_long_is_clipped_with_a_mark() -> None:
    found = as_json(
        record("e" * 5000, text="t" * 5000, huge=10**6000, nested=[["n" * 9999]] * 9999)
    )
    assert found["event"] == "e" * TEXT_MAX + "...(4000 more)"
    assert found["text"] == "t" * TEXT_MAX + "...(4000 more)"
    assert len(found["huge"]) < TEXT_MAX + 30
    assert len(found["nested"]) < TEXT_MAX
    block = as_json(record("failed:\n%s", '  File "x"\n' + "s" * 99_999 + "the end"))["stack"]
    assert BLOCK_MAX <= len(block) < BLOCK_MAX + 30
    assert block.endswith("the end")
    many = as_json(record("x", **{f"field{n}": n for n in range(1000)}))
    assert len(many) == 4 + FIELDS_MAX


def test_a_field_does_not_take_the_place_of_a_key() -> None:
    found = as_json(record("x", event="forged", level="debug", timestamp=1, logger=2))
    assert (found["event"], found["level"], found["logger"]) == ("x", "warning", "framesrv.test")
    assert (found["event_"], found["level_"]) == ("forged", "debug")


def test_a_traceback_is_a_field() -> None:
    try:
        raise ValueError("what\nfailed")
    except ValueError:
        line = record("it failed")
        line.exc_info = sys.exc_info()
    found = as_json(line)
    assert found["event"] == "it failed"
    assert found["stack"].startswith("Traceback")
    assert found["stack"].endswith("what\nfailed")


def test_the_holder_s_stack_is_a_field_of_a_pool_s_warning() -> None:
    told = 'pool "x": a lease was dropped; borrowed 1 s ago at:\n  File "a.py", line 1\n    f()'
    found = as_json(record("%s", told, name="framesrv.pool"))
    assert found["event"] == 'pool "x": a lease was dropped; borrowed 1 s ago at'
    assert found["stack"] == '  File "a.py", line 1\n    f()'


def test_only_who_writes_the_message_can_end_its_line() -> None:
    found = as_json(record("no pipeline %s", "a\nTraceback\n  File"))
    assert found["event"] == "no pipeline a\nTraceback\n  File"
    assert "stack" not in found
    assert as_json(record("a table:\n%s", "1\n2"))["details"] == "1\n2"


# -- for people --------------------------------------------------------------------------------


@given(msg=ANY_TEXT, fields=st.dictionaries(ANY_NAME, ANY_VALUE, max_size=4), arg=ANY_TEXT)
def test_no_text_can_pass_for_another_line(msg: str, fields: dict[str, Any], arg: str) -> None:
    standard = vars(logging.makeLogRecord({}))
    fields = {name: value for name, value in fields.items() if name not in standard}
    for line in (record(msg, **fields), record(f"{msg}:\n%s", arg, **fields)):
        first, *below = for_people(line)
        assert LINE.match(first)
        assert all(each.startswith("    ") for each in below)
        assert all(each.isprintable() for each in (first, *below))


def test_fields_follow_and_the_stack_stands_below() -> None:
    lines = for_people(record('failed:\n  File "a"\n\tf()', reason="X", n=3))
    assert (
        lines[0].split("Z ")[1]
        == "[warning  ] failed                   [framesrv.test] reason='X' n=3"
    )
    assert lines[1:] == ['      File "a"', "    \\tf()"]


def test_colours_are_for_terminals_only(root: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    def told(stream: io.StringIO, form: LogFormat) -> str:
        set_up(LogSettings(format=form), stream)
        logging.getLogger("framesrv").warning("hello", extra={"a": 1})
        return stream.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in told(Terminal(), LogFormat.AUTO)
    assert json.loads(told(io.StringIO(), LogFormat.AUTO))["a"] == 1
    assert json.loads(told(Terminal(), LogFormat.JSON))["a"] == 1
    assert LINE.match(told(io.StringIO(), LogFormat.HUMAN))
    monkeypatch.setenv("NO_COLOR", "1")
    assert LINE.match(told(Terminal(), LogFormat.AUTO))


# -- nothing raises ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", [json_lines(), lines_for_people(colours=False)])
@pytest.mark.parametrize(
    "line",
    [
        record("%d", "not a number"),
        record("%s %s", "one"),
        record(Unshowable()),
        record("x", field=Unshowable()),
        record("x", field=[Unshowable()]),
        record("%s", Unshowable()),
        record("x", **{"a\nb\x1b": 1}),
    ],
)
def test_a_bad_line_is_a_line_all_the_same(
    form: logging.Formatter, line: logging.LogRecord
) -> None:
    assert len(form.format(line).splitlines()) == 1


def test_a_stream_that_cannot_be_written_to_is_nobody_s_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError("no space left on the device")

    closed = io.StringIO()
    closed.close()
    for stream in (Full(), closed):
        assert LineHandler(stream, json_lines()).handle(record("x"))
    assert capsys.readouterr() == ("", "")


# -- all of it ---------------------------------------------------------------------------------


def test_all_that_the_process_logs_is_lines_at_a_bounded_rate(root: io.StringIO) -> None:
    set_up(LogSettings(format=LogFormat.JSON), root)
    for number in range(10_000):
        logging.getLogger("imagecodecs").warning(f"libpng: chunk {number}")  # noqa: G004
    logging.getLogger("framesrv").info("stopped")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful\nhere", stacklevel=1)
    logging.shutdown([lambda: logging.getLogger().handlers[0]])
    lines = [json.loads(line) for line in root.getvalue().splitlines()]
    flood = [line for line in lines if line["logger"] == "imagecodecs"]
    assert USUAL.burst < len(flood) < USUAL.burst + 60
    assert sum(line.get("suppressed", 0) + ("like" not in line) for line in flood) == 10_000
    assert [line["event"] for line in lines if line["logger"] == "framesrv"] == ["stopped"]
    assert [line for line in lines if line["logger"] == "py.warnings"]


def test_a_leak_s_line_has_the_stack_of_the_borrower(root: io.StringIO) -> None:
    set_up(LogSettings(format=LogFormat.JSON), root)
    with ArrayPool("x", shape=(4,), dtype="uint8", capacity=2, debug=DebugLevel.POISON) as pool:

        def a_forgetful_borrower() -> None:
            pool.acquire()

        a_forgetful_borrower()
        gc.collect()
        assert pool.stats().leaks == 1
    lines = [json.loads(text) for text in root.getvalue().splitlines()]
    (line,) = [line for line in lines if "pool 'x'" in line["event"]]  # others may leak as well
    assert line["logger"] == "framesrv.pool"
    assert "a_forgetful_borrower" in line["stack"]
    assert "\n" not in line["event"]
    assert "pool 'x'" in line["event"]


def test_less_than_the_level_is_not_logged(root: io.StringIO) -> None:
    set_up(LogSettings(level=LogLevel.WARNING), root)
    logging.getLogger("framesrv").info("no")
    logging.getLogger("uvicorn.error").warning("no")
    logging.getLogger("asyncio").info("no")
    assert not root.getvalue()
