"""How many log lines may pass: strangers and broken frames must not fill a disk, or take a worker.

A line is counted with those of the same place in the code, level and reason. A few at once pass,
then some a second; how many were held back is told by the next one that passes. It is decided
before a line is formatted, which is the expensive part.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from threading import RLock
from time import monotonic
from types import MappingProxyType
from typing import Final, NamedTuple
from weakref import WeakSet


class Limit(NamedTuple):
    burst: int
    per_s: float


# The server's own start and end: nobody outside can make many of them.
UNLIMITED: Final = "framesrv"
USUAL: Final = Limit(10, 1.0)
# Streams come in crowds, and each is worth a line.
LIMITS: Final = MappingProxyType({"framesrv.streams": Limit(100, 10.0)})
QUIET_S: Final = 10.0
_KEYS_MAX: Final = 512
_LIKE_MAX: Final = 200

Key = tuple[str, int, int, str]


class _Bucket:
    __slots__ = ("at_s", "held_back", "left", "like", "limit")

    def __init__(self, limit: Limit, like: dict[str, object], at_s: float) -> None:
        self.limit = limit
        self.like = like  # what a line about those held back says of them
        self.at_s = at_s  # when ``left`` was right
        self.left = float(limit.burst)
        self.held_back = 0

    def take(self, now_s: float) -> bool:
        burst, per_s = self.limit
        self.left = min(burst, self.left + (now_s - self.at_s) * per_s)
        self.at_s = now_s
        if self.left < 1:
            self.held_back += 1
            return False
        self.left -= 1
        return True

    def settle(self) -> int:
        held_back, self.held_back = self.held_back, 0
        return held_back


class RateLimit:
    """Used by any thread."""

    def __init__(self, clock: Callable[[], float] = monotonic, keys_max: int = _KEYS_MAX) -> None:
        self._clock = clock
        self._keys_max = keys_max
        self._buckets: dict[Key, _Bucket] = {}
        # Of all for whose keys there is no place left.
        self._others = _Bucket(USUAL, {"event": "various lines"}, clock())
        self._looked_at_s = self._forgot_at_s = clock()
        self.new_lock()
        _LIMITS_IN_USE.add(self)

    def new_lock(self) -> None:
        # May be entered again by its thread: the garbage collector runs anywhere, and whom it
        # calls may have something to log.
        self._lock = RLock()

    def passes(self, record: logging.LogRecord) -> bool:
        """Whether it is to be written; ``record.suppressed`` says how many before it were not."""
        if record.name == UNLIMITED:
            return True
        reason = record.__dict__.get("reason", "")
        if not isinstance(reason, str):
            reason = ""
        key = (record.pathname, record.lineno, record.levelno, reason[:_LIKE_MAX])
        now_s = self._clock()
        with self._lock:
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._new(key, record, now_s)
            if not bucket.take(now_s):
                return False
            if bucket.held_back:
                record.__dict__["suppressed"] = bucket.settle()
        return True

    def owed(self, quiet_s: float = QUIET_S) -> Iterator[logging.LogRecord]:
        """A line for each kind that was held back and has not come again for so long."""
        now_s = self._clock()
        if quiet_s and now_s - self._looked_at_s < 1:
            return
        self._looked_at_s = now_s
        with self._lock:
            late = [
                (bucket.like, bucket.settle())
                for bucket in (*self._buckets.values(), self._others)
                if bucket.held_back and now_s - bucket.at_s >= quiet_s
            ]
        for like, held_back in late:
            yield _told(like, held_back)

    def _new(self, key: Key, record: logging.LogRecord, now_s: float) -> _Bucket:
        if len(self._buckets) >= self._keys_max:
            self._forget(now_s)
        if len(self._buckets) >= self._keys_max:
            return self._others
        limit = LIMITS.get(record.name, USUAL)
        bucket = self._buckets[key] = _Bucket(limit, _like(record, key[-1]), now_s)
        return bucket

    def _forget(self, now_s: float) -> None:
        """Kinds that could start anew without anybody seeing a difference."""
        if now_s - self._forgot_at_s < 1:  # it looks at all of them
            return
        self._forgot_at_s = now_s
        for key, bucket in list(self._buckets.items()):
            burst, per_s = bucket.limit
            if not bucket.held_back and (now_s - bucket.at_s) * per_s + bucket.left >= burst:
                del self._buckets[key]


_LIMITS_IN_USE: Final[WeakSet[RateLimit]] = WeakSet()


def _in_the_child() -> None:
    """A thread that is not there any more may have held a lock at the fork."""
    for limit in list(_LIMITS_IN_USE):
        limit.new_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_the_child)


def _like(record: logging.LogRecord, reason: str) -> dict[str, object]:
    event = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    like: dict[str, object] = {
        "name": record.name,
        "levelno": record.levelno,
        "levelname": record.levelname,
        "event": event.partition("\n")[0][:_LIKE_MAX],
    }
    return like | {"reason": reason} if reason else like


def _told(like: dict[str, object], held_back: int) -> logging.LogRecord:
    known = {"name": "framesrv.logs", "levelno": logging.INFO, "levelname": "INFO", **like}
    event = known.pop("event")
    return logging.makeLogRecord(
        {**known, "msg": "lines were held back", "like": event, "suppressed": held_back}
    )
