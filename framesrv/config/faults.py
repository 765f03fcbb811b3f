"""How a fault of the configuration is told: the name, the value, what is allowed, what works."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from framesrv.errors import BadConfig

_TEXT_CHARS_MAX = 80
_FAULTS_MAX = 50


class Wrong(Exception):
    """A value that cannot be: what may stand there, and what comes nearest to it."""

    def __init__(self, allowed: str, nearest: str = "", because: str = "") -> None:
        super().__init__(because or allowed)
        self.allowed = allowed
        self.nearest = nearest
        self.because = because  # where the value's own type says it all


def told(name: str, value: object, wrong: Wrong) -> str:
    """
    >>> told("--workers", "0", Wrong("a whole number of at least 1", "1"))
    "--workers is '0' and must be a whole number of at least 1; the nearest that works is 1"
    """
    if wrong.because:
        return f"{name}: {wrong.because}; one that works is {wrong.nearest}"
    nearest = f"; the nearest that works is {wrong.nearest}" if wrong.nearest else ""
    return f"{name} is {shown(value)} and must be {wrong.allowed}{nearest}"


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _TEXT_CHARS_MAX else text[: _TEXT_CHARS_MAX - 3] + "..."


def unknown(name: str, what: str, known: Iterable[str], shown_as: str = "") -> str:
    """
    >>> unknown("FRAMESRV_WORKRES", "a variable of framesrv", ["FRAMESRV_WORKERS"])
    'FRAMESRV_WORKRES is not a variable of framesrv; did you mean FRAMESRV_WORKERS?'
    """
    guess = nearest_to(name, known)
    hint = f"; did you mean {guess}?" if guess else ""
    return f"{shown_as or name} is not {what}{hint}"


def nearest_to(text: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    return next(iter(difflib.get_close_matches(text, list(known), n=1, cutoff=cutoff)), "")


def faults_of(error: BadConfig) -> list[str]:
    """The single faults of a message that lists several, as each room writes it."""
    first, *listed = str(error).split("\n- ")
    return listed or [first]


def refuse(faults: list[str]) -> None:
    """Raise BadConfig with all of the faults, if there is any."""
    if faults:
        listed = list(dict.fromkeys(faults))
        more = len(listed) - _FAULTS_MAX
        if more > 0:
            listed[_FAULTS_MAX:] = [f"and {more} more"]
        raise BadConfig("the configuration cannot be used:\n- " + "\n- ".join(listed))
