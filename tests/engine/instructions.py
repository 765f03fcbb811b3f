"""Something that strikes after every instruction of a function, as a finalizer or a reader may."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, FunctionType
from typing import Any


@contextmanager
def after_each_instruction(
    call: Callable[[], object], *functions: Callable[..., Any]
) -> Iterator[None]:
    """In this thread, while the block lasts; not in what ``call`` itself runs."""
    codes = {each.__code__ for each in functions if isinstance(each, FunctionType)}

    def step(_: FrameType, event: str, __: object) -> Any:
        if event == "opcode":
            sys.settrace(None)
            call()
            sys.settrace(enter)
        return step

    def enter(frame: FrameType, _: str, __: object) -> Any:
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(before)
