"""What an endless answer needs to know of the connection that it goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

_KEY: Final = "line"


class Line(Protocol):
    def go_on(self, when_over: Callable[[], None]) -> None:
        """The answer has no end; it is told, once, when the connection is lost or to be ended."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """What the other end has not made room for."""
        ...

    @property
    def over(self) -> bool: ...

    def progressed(self) -> None:
        """All that was given to it has gone out: it is not one that holds us up."""
        ...


def put(state: dict[str, Any], line: Line) -> dict[str, Any]:
    """The state of all requests of a connection."""
    return {**state, _KEY: line}


def of(scope: Any) -> Line | None:
    line: Line | None = scope.get("state", {}).get(_KEY)
    return line
