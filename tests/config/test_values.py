"""Values from texts and from TOML, and what is said of those that cannot be."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from framesrv.config.faults import Wrong, nearest_to, shown, told, unknown
from framesrv.config.setting import Setting
from framesrv.config.values import read_value, written
from framesrv.observability.http.settings import HttpAddress


class Mode(StrEnum):
    FAST = "fast"
    EXACT = "exact"


def setting(hint: Any, default: Any = None, **more: Any) -> Setting:
    return Setting("room", "field", hint, default, **more)


@pytest.mark.parametrize(
    ("hint", "raw", "value"),
    [
        (int, " 12 ", 12),
        (int, 12, 12),
        (int, "-3", -3),
        (float, "1e-3", 0.001),
        (float, 2, 2.0),
        (bool, "Yes", True),
        (bool, "0", False),
        (bool, True, True),
        (str, "a b", "a b"),
        (Path, "/a/b", Path("/a/b")),
        (Path | None, "off", None),
        (Path | None, "/a", Path("/a")),
        (Mode, " EXACT", Mode.EXACT),
        (tuple[str, ...], "a, b,", ("a", "b")),
        (tuple[str, ...], ["a", "b"], ("a", "b")),
        (HttpAddress | None, "[::1]:0", HttpAddress("::1", 0)),
        (HttpAddress | None, "off", None),
    ],
)
def test_what_can_be_read(hint: Any, raw: object, value: object) -> None:
    assert read_value(raw, setting(hint)) == value


@pytest.mark.parametrize(
    ("hint", "raw"),
    [
        (int, "1.5"),
        (int, 1.5),
        (int, True),
        (int, "²"),
        (int, "9" * 19),
        (int, None),
        (float, "nan"),
        (float, "inf"),
        (float, "x"),
        (float, True),
        (float, "1" * 99),
        (bool, "maybe"),
        (bool, 1),
        (str, ""),
        (str, "a\0b"),
        (str, 1),
        (Path, 7),
        (Mode, "fats"),
        (Mode, 3),
        (tuple[str, ...], 3),
        (tuple[str, ...], ["a", 3]),
        (HttpAddress, "nowhere"),
        (HttpAddress, 9464),
        (HttpAddress, "h:" + "9" * 5000),
    ],
)
def test_what_cannot(hint: Any, raw: object) -> None:
    with pytest.raises(Wrong):
        read_value(raw, setting(hint, default=Mode.FAST if hint is Mode else 1))


@pytest.mark.parametrize(("raw", "nearest"), [(0, "1"), ("-5", "1"), (9, "8"), ("x", "4")])
def test_the_nearest_that_works(raw: object, nearest: str) -> None:
    with pytest.raises(Wrong) as caught:
        read_value(raw, setting(int, 4, least=1, most=8))
    assert caught.value.nearest == nearest
    assert told("n", raw, caught.value).startswith(
        f"n is {raw!r} and must be a whole number from 1 to 8; the nearest that works is {nearest}"
    )


def test_a_name_of_a_set_has_a_nearest_one() -> None:
    with pytest.raises(Wrong, match="one of fast, exact") as caught:
        read_value("exakt", setting(Mode, Mode.FAST))
    assert caught.value.nearest == "exact"


def test_an_address_says_itself_what_is_wrong() -> None:
    with pytest.raises(Wrong) as caught:
        read_value("x", setting(HttpAddress | None, HttpAddress("127.0.0.1", 1)))
    text = told("--http", "x", caught.value)
    assert text.startswith("--http: 'x' is not an address for HTTP: use HOST:PORT")
    assert text.endswith("one that works is 127.0.0.1:1")


def test_written_values_are_read_back() -> None:
    for hint, value in [(int, 3), (float, 0.25), (bool, False), (tuple[str, ...], ("a", "b"))]:
        assert read_value(written(value), setting(hint)) == value


def test_long_values_are_cut_and_far_names_are_not_guessed() -> None:
    assert len(shown("x" * 1000)) <= 80
    assert nearest_to("abc", ["xyz"]) == ""
    assert unknown("abc", "a setting", ["xyz"]) == "abc is not a setting"
