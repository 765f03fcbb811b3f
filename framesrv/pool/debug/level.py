"""How closely a pool watches its borrowers."""

from __future__ import annotations

import difflib
import os
from enum import StrEnum

from framesrv.errors import BadConfig

VARIABLE = "FRAMESRV_POOL_DEBUG"


class DebugLevel(StrEnum):
    OFF = "off"
    """Nothing is watched; a second release is counted, not raised."""
    SAMPLE = "sample"
    """The default: one lease in 128 carries the stack of its borrow."""
    POISON = "poison"
    """Returned buffers are filled with 0xFF and verified before they are lent again."""
    FENCE = "fence"
    """As poison, and the pages of a returned array cannot be touched at all (Linux)."""

    @classmethod
    def chosen(cls, asked: DebugLevel | str | None = None) -> DebugLevel:
        """What was asked for, else what the environment says, else ``sample``."""
        value = os.environ.get(VARIABLE, cls.SAMPLE) if asked is None else asked
        try:
            return cls(value)
        except ValueError:
            raise BadConfig(fault(value)) from None


def fault(value: object) -> str:
    levels = [level.value for level in DebugLevel]
    nearest = difflib.get_close_matches(str(value), levels, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
    return f"{VARIABLE} must be one of {', '.join(levels)}, not {value!r}{hint}"
