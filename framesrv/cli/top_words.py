"""Numbers, ages and lines of signs for a terminal; and foreign text made safe for one."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

NONE: Final = "-"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


class Glyphs(NamedTuple):
    """What pictures are drawn with."""

    levels: str
    leased: str
    quarantined: str
    idle: str
    free: str


FINE: Final = Glyphs("▁▂▃▄▅▆▇█", "█", "▓", "▒", "·")
ASCII: Final = Glyphs("_.:-=+*#", "#", "!", "=", ".")


def visible(text: str) -> str:
    """Nothing that a client called itself moves the cursor, or turns the text around it.

    >>> visible("cam-7"), visible("a\\x1b[2Jb\\u202ec")
    ('cam-7', 'a<1b>[2Jb<202e>c')
    """
    return "".join(
        f"<{ord(sign):02x}>" if unicodedata.category(sign) in _UNSEEN else sign for sign in text
    )


def count(number: float) -> str:
    return f"{number:,.0f}"


def rate(number: float) -> str:
    """
    >>> rate(0), rate(0.31), rate(42.4)
    ('0', '0.3', '42')
    """
    return f"{number:.1f}" if 0 < number < 9.95 else f"{number:,.0f}"


def milliseconds(number: float | None) -> str:
    """
    >>> [milliseconds(number) for number in (None, 0.42, 4.24, 42.4, 12_300.0)]
    ['-', '0.42 ms', '4.2 ms', '42 ms', '12.3 s']
    """
    if number is None:
        return NONE
    if number >= 9999.5:
        return f"{number / 1000:,.1f} s"
    digits = 2 if 0 < number < 0.995 else 1 if 0 < number < 9.95 else 0
    return f"{number:,.{digits}f} ms"


def sized(number: float) -> str:
    """
    >>> sized(0), sized(4153), sized(512 * 2**20)
    ('0 B', '4.1 KiB', '512 MiB')
    """
    units = ["B", "KiB", "MiB", "GiB", "TiB"]
    while number >= 1024 and len(units) > 1:
        number /= 1024
        del units[0]
    digits = 1 if units[0] != "B" and number < 99.95 else 0
    return f"{number:,.{digits}f} {units[0]}"


def percent(share: float) -> str:
    """Never rounded up to all of it.

    >>> percent(1.0), percent(0.99996), percent(0.0)
    ('100 %', '99.9 %', '0 %')
    """
    number = share * 100
    return f"{number:.0f} %" if number in {0, 100} else f"{int(number * 10) / 10:.1f} %"


def duration(seconds: float) -> str:
    """The two largest units.

    >>> duration(0.2), duration(75), duration(3 * 86400 + 4 * 3600 + 5)
    ('0 s', '1 min 15 s', '3 d 4 h')
    """
    rest, parts = max(int(seconds), 0), []
    for size, unit in _UNITS:
        number, rest = divmod(rest, size)
        parts.append((number, unit))
    first = next((at for at, (number, _) in enumerate(parts) if number), len(parts) - 1)
    kept = parts[first : first + 2]
    return " ".join(f"{number} {unit}" for number, unit in kept if number or unit == kept[0][1])


def ago(seconds: float) -> str:
    return "now" if seconds < 1 else f"{duration(seconds)} ago"


def sparkline(values: Sequence[float | None], width: int, glyphs: Glyphs, least: float) -> str:
    """The newest on the right; a space where there is no value. Several share a sign by their
    largest, so that no peak is lost.

    >>> sparkline([0, 1, None, 8], 5, FINE, 1)
    ' ▁▂ █'
    """
    each = max(-(-len(values) // width), 1)
    ends = range(len(values), 0, -each)
    groups = [values[max(end - each, 0) : end] for end in ends][:width]
    tops = [max((value for value in group if value is not None), default=None) for group in groups]
    top = max([least, *(value for value in tops if value is not None)])
    return "".join(_level(value, top, glyphs) for value in reversed(tops)).rjust(width)


def _level(value: float | None, top: float, glyphs: Glyphs) -> str:
    if value is None:
        return " "
    return glyphs.levels[min(int(value / top * len(glyphs.levels)), len(glyphs.levels) - 1)]


def cells(numbers: Iterable[int], whole: int, width: int) -> list[int]:
    """How many signs each number gets of a bar: as its share says, and one if it is there at all.

    >>> cells([2, 0, 2], 8, 16), cells([1, 0, 3], 21_058, 16), cells([7, 1, 0], 8, 4)
    ([4, 0, 4], [1, 0, 1], [3, 1, 0])
    """
    wanted = [max(round(width * number / max(whole, 1)), 1) if number else 0 for number in numbers]
    while sum(wanted) > width:
        wanted[wanted.index(max(wanted))] -= 1
    return wanted
