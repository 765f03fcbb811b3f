"""The pools of a server, and the ``FRAMESRV_POOL_*`` variables that change them.

Only the pools built here listen to the environment: a program that makes an ``ArrayPool``
itself gets what it wrote.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from framesrv.errors import BadConfig
from framesrv.pool.arrays import ArrayPool
from framesrv.pool.bounded import BoundedPool
from framesrv.pool.bytearrays import ByteArrayPool
from framesrv.pool.bytesio import BytesIOPool
from framesrv.pool.debug import DebugLevel
from framesrv.pool.debug.level import VARIABLE as DEBUG_VARIABLE
from framesrv.pool.machine import default_budget_bytes, memory_limit_bytes
from framesrv.pool.manager import PoolManager
from framesrv.pool.observer import SILENT, PoolObserver

PREFIX: Final = "FRAMESRV_POOL_"
BUDGET_VARIABLE: Final = PREFIX + "BUDGET_BYTES"
_DIGITS_MAX: Final = 18
_KIB: Final = 1024
_MIB: Final = 1024 * 1024

Numbers = Mapping[str, int]

# What each pool of a server starts with. Every number here has its variable, for instance
# FRAMESRV_POOL_JPEG_MAX_BYTES. ``warm`` is how many buffers exist from the start and stay.
DEFAULTS: Final[Mapping[str, Numbers]] = MappingProxyType(
    {
        "rgba_320": {"capacity": 8, "warm": 4},
        "bgr_320": {"capacity": 8, "warm": 4},
        "resize_640x360": {"capacity": 8, "warm": 4},
        "jpeg": {"initial_bytes": 100 * _KIB, "max_bytes": 4 * _MIB, "capacity": 32, "warm": 8},
        "json": {"initial_bytes": 4 * _KIB, "max_bytes": 64 * _KIB, "capacity": 16, "warm": 16},
    }
)
SHAPES: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"rgba_320": (320, 320, 4), "bgr_320": (320, 320, 3), "resize_640x360": (360, 640, 3)}
)


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Read once, checked whole, then unchangeable."""

    budget_bytes: int = field(default_factory=default_budget_bytes)
    debug: DebugLevel = DebugLevel.SAMPLE
    pools: Mapping[str, Numbers] = field(default_factory=lambda: DEFAULTS)
    # The variables that somebody has set: what they say is not changed by anything.
    said: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> PoolSettings:
        """The defaults, changed by the environment. All faults are reported at once."""
        return _Reader(os.environ if environ is None else environ).read()

    def build(self, observer: PoolObserver = SILENT) -> PoolManager:
        """The manager with its pools, warmed up; refused if the budget cannot hold them."""
        manager = PoolManager(self.budget_bytes, debug=self.debug, observer=observer)
        pools = [
            _build_empty(name, numbers, debug=self.debug, observer=observer)
            for name, numbers in self.pools.items()
        ]
        manager.register(*pools)  # refused before anything is allocated
        for pool in pools:
            pool.warm_up(self.pools[pool.name]["warm"])
        return manager


def _build_empty(name: str, numbers: Numbers, **common: Any) -> BoundedPool[Any]:
    options: dict[str, Any] = {**numbers, **common, "warm": 0}
    if name in SHAPES:
        return ArrayPool(name, shape=SHAPES[name], **options)
    if name == "jpeg":
        return BytesIOPool(name, **options)
    return ByteArrayPool(name, **options)


class _Reader:
    """Collects faults on the way, so that one start shows all of them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
        self._faults: list[str] = []

    def read(self) -> PoolSettings:
        said = frozenset(self._values)
        pools = {name: self._pool(name, numbers) for name, numbers in DEFAULTS.items()}
        budget_bytes = self._budget()
        debug = self._debug()
        self._refuse_unknown()
        if self._faults:
            raise BadConfig("the pools cannot be set up:\n- " + "\n- ".join(self._faults))
        return PoolSettings(budget_bytes, debug, MappingProxyType(pools), said)

    def _pool(self, name: str, defaults: Numbers) -> Numbers:
        asked = {key: self._number(variable_of(name, key), key != "warm") for key in defaults}
        numbers = {
            key: default if (value := asked[key]) is None else value
            for key, default in defaults.items()
        }
        if asked["capacity"] is not None and asked["warm"] is None:
            numbers["warm"] = numbers["capacity"]  # a changed capacity moves an unsaid warm along
        self._check_order(name, numbers, "warm", "capacity")
        if "max_bytes" in numbers:
            self._check_order(name, numbers, "initial_bytes", "max_bytes")
        return MappingProxyType(numbers)

    def _check_order(self, name: str, numbers: Numbers, low: str, high: str) -> None:
        if numbers[low] > numbers[high]:
            self._faults.append(
                f"{variable_of(name, low)} is {numbers[low]:,} and must be at most "
                f"{variable_of(name, high)}, {numbers[high]:,}; the nearest that works is "
                f"{numbers[high]}"
            )

    def _number(self, variable: str, positive: bool) -> int | None:
        text = self._values.pop(variable, None)
        if text is None:
            return None
        least = 1 if positive else 0
        digits = text.strip()
        plain = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
        if plain and int(digits) >= least:
            return int(digits)
        self._faults.append(
            f"{variable} is {text[:_DIGITS_MAX]!r} and must be a whole number of at least {least}"
        )
        return None

    def _budget(self) -> int:
        budget_bytes = self._number(BUDGET_VARIABLE, positive=True)
        most = memory_limit_bytes() // 2
        if budget_bytes is None:
            return default_budget_bytes()
        if budget_bytes > most:
            self._faults.append(
                f"{BUDGET_VARIABLE} is {budget_bytes:,} and must be at most half of the memory "
                f"here; the nearest that works is {most}"
            )
        return budget_bytes

    def _debug(self) -> DebugLevel:
        try:
            return DebugLevel.chosen(self._values.pop(DEBUG_VARIABLE, DebugLevel.SAMPLE))
        except BadConfig as error:
            self._faults.append(str(error))
            return DebugLevel.SAMPLE

    def _refuse_unknown(self) -> None:
        known = [BUDGET_VARIABLE, DEBUG_VARIABLE]
        known += [variable_of(name, key) for name, keys in DEFAULTS.items() for key in keys]
        for variable in sorted(self._values):
            nearest = difflib.get_close_matches(variable, known, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            self._faults.append(f"{variable} is not a variable of the pools{hint}")


def variable_of(pool: str, number: str) -> str:
    """
    >>> variable_of("rgba_320", "capacity")
    'FRAMESRV_POOL_RGBA_320_CAPACITY'
    """
    return f"{PREFIX}{pool.upper()}_{number.upper()}"
