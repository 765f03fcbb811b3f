"""All lines of `framesrv top` together, as many as the terminal has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.text import Text

from framesrv.cli import top_lines
from framesrv.cli.top_state import State
from framesrv.cli.top_words import Glyphs

_QUITS: Final = "q quits"
_ROWS_ROOMY: Final = 30
# The last part gives way first: what is wrong matters more than the streams below it.
_PARTS_MIN: Final = 2  # a title and a row


def screen(state: State, where: str, width: int, height: int | None, glyphs: Glyphs) -> list[Text]:
    """``height`` None: all of it."""
    now = state.snapshot
    if now is None:
        return [Text(f"connecting to {where}")]
    top = [top_lines.header(state, now, where), Text()]
    brief = height is not None and height < _ROWS_ROOMY
    top += top_lines.figures(state, now, width, glyphs, brief=brief)
    parts = [
        top_lines.pools(state, now, width, glyphs),
        top_lines.errors(now),
        top_lines.streams(now, width),
    ]
    if height is None:
        lines = [*top, *_spaced(parts)]
    else:
        last = [Text(_QUITS, style="dim")]
        room = height - len(top) - len(last)
        lines = [*top[: height - 1], *_spaced(_fitted(parts, room))]
        lines += [Text()] * (height - 1 - len(lines)) + last
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return lines


def _spaced(parts: Sequence[Sequence[Text]]) -> Iterator[Text]:
    for part in parts:
        if part:
            yield Text()
            yield from part


def _fitted(parts: Sequence[list[Text]], room: int) -> list[list[Text]]:
    """As much of each as there is room for, together with the empty line before it."""
    kept: list[list[Text]] = []
    for index, part in enumerate(parts):
        later = sum(1 + min(len(other), _PARTS_MIN) for other in parts[index + 1 :])
        mine = max(room - later, 1 + min(len(part), _PARTS_MIN)) - 1
        if room < 1 + min(len(part), _PARTS_MIN):
            break
        kept.append(_shortened(part, min(mine, room - 1)))
        room -= 1 + len(kept[-1])
    return kept


def _shortened(part: list[Text], room: int) -> list[Text]:
    if len(part) <= room:
        return part
    if room < 3:
        return part[:room]
    left = len(part) - (room - 1)
    return [*part[: room - 1], Text(f"... {left} more", style="dim")]
