"""Every place where an exception can strike out of a signal handler, and how to strike there.

CPython looks for signals when a function starts, when a loop turns back and when a call of C code
returns. A ``Striker`` lists each such place that a run of the pool passes, or raises at one.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import framesrv.pool

POOL_DIR = str(Path(framesrv.pool.__file__).parent)
DEPTH = 3  # of the stacks by which places are told apart
Place = tuple[tuple[CodeType, int], ...]


@cache
def looks_for_signals(code: CodeType) -> dict[int, str]:
    """The instructions after which the interpreter does, by offset."""
    return {
        each.offset: each.opname
        for each in dis.get_instructions(code)
        if each.opname in ("RESUME", "JUMP_BACKWARD") or each.opname.startswith("CALL")
    }


@cache
def handler_at(code: CodeType, offset: int) -> int | None:
    """Where an exception goes that arises at the instruction."""
    table: Any = dis._parse_exception_table(code)  # type: ignore[attr-defined]
    return next((each.target for each in table if each.start <= offset < each.end), None)


class Striker:
    """Lists the places that a run passes, and raises at one of them."""

    def __init__(
        self, strike_at: Place | None = None, error: type[BaseException] = KeyboardInterrupt
    ) -> None:
        self.places: dict[Place, None] = {}
        self.struck = False
        self._strike_at = strike_at
        self._error = error
        self._last: dict[int, int] = {}  # by the frame's id: a reference would keep its locals
        self._called_us: set[int] = set()

    def run(self, act: Callable[[], object]) -> None:
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            act()
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(POOL_DIR):
            return None
        if not code.co_name.startswith(("__", "<gen")):  # those are called by C code
            self._called_us.add(id(frame.f_back))
        self._last.pop(id(frame), None)
        self._called_us.discard(id(frame))
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, frame: FrameType, event: str, arg: object) -> Any:
        if event != "opcode" or self.struck:
            return self._step
        me, code, now = id(frame), frame.f_code, frame.f_lasti
        last = self._last.get(me, -1)
        self._last[me] = now
        done = looks_for_signals(code).get(last)
        by_python = me in self._called_us
        self._called_us.discard(me)
        if done is None or (by_python and done not in ("RESUME", "CALL_FUNCTION_EX")):
            return self._step
        if handler_at(code, last) != handler_at(code, now):
            return self._step  # raised here, it would be caught elsewhere than in earnest
        if self._strike_at is None:
            self.places[_place(frame)] = None
        elif (code, now) == self._strike_at[0] and _place(frame) == self._strike_at:
            self.struck = True
            sys.settrace(None)
            raise self._error
        return self._step


def _place(frame: FrameType | None) -> Place:
    """The innermost stack within the pool."""
    place: list[tuple[CodeType, int]] = []
    while frame is not None and len(place) < DEPTH:
        if frame.f_code.co_filename.startswith(POOL_DIR):
            place.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return tuple(place)


def told(place: Place) -> str:
    steps = []
    for code, offset in place:
        line = next(
            (line for start, end, line in code.co_lines() if start <= offset < end),
            code.co_firstlineno,
        )
        steps.append(f"{Path(code.co_filename).name}:{line} {code.co_name}")
    return " < ".join(steps)
