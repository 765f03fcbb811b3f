"""One line on stderr that says how far it is; gone when there is something to read."""

from __future__ import annotations

import sys
from time import monotonic
from typing import Final

_EVERY_S: Final = 0.2


class Progress:
    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._scenario = ""
        self._shown_at = 0.0

    def start(self, scenario: str, number: int, total: int) -> None:
        self._scenario = f"[{number}/{total}] {scenario}"
        self._show("", always=True)

    def step(self, done: int, total: int) -> None:
        self._show(f": {done * 100 // total} %")

    def clear(self) -> None:
        if self._on_terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _show(self, rest: str, *, always: bool = False) -> None:
        if self._on_terminal and (always or monotonic() - self._shown_at > _EVERY_S):
            self._shown_at = monotonic()
            print(f"\r\033[K{self._scenario}{rest}", end="", file=sys.stderr, flush=True)
        elif always:  # a log gets one line a scenario
            print(self._scenario, file=sys.stderr, flush=True)
