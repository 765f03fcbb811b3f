"""Choosing the wrappers for a level. Off wraps nothing at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from framesrv.pool.debug.clear import Cleared, ClearedLate
from framesrv.pool.debug.fence import FenceMark
from framesrv.pool.debug.level import DebugLevel
from framesrv.pool.debug.marks import ArrayMark, BytesMark, Mark, RecordMark
from framesrv.pool.debug.poison import Poisoned
from framesrv.pool.debug.trace import Traced

SAMPLE_ONE_IN: Final = 128


def dress_array(plain: Any, level: DebugLevel, *, clear: bool = False) -> Any:
    if clear:
        plain = ClearedLate(plain) if marks(level) else Cleared(plain)
    return _dress(plain, level, FenceMark if level is DebugLevel.FENCE else ArrayMark)


def dress_bytes(plain: Any, level: DebugLevel) -> Any:
    return _dress(plain, level, BytesMark)


def dress_record(plain: Any, level: DebugLevel) -> Any:
    return _dress(plain, level, RecordMark)


def marks(level: DebugLevel) -> bool:
    return level in (DebugLevel.POISON, DebugLevel.FENCE)


def _dress(plain: Any, level: DebugLevel, mark: Callable[[], Mark]) -> Any:
    if level is DebugLevel.OFF:
        return plain
    if level is DebugLevel.SAMPLE:
        return Traced(plain, one_in=SAMPLE_ONE_IN)
    return Poisoned(Traced(plain, one_in=1), mark())
