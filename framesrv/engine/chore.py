"""Pixel work that is no client's frame: a picture made for those who watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from framesrv.pool.manager import Request

Lent = Mapping[str, Any]  # arrays and byte buffers, by place


class Chore(Protocol):
    """Done by one worker, whose buffers are home again before ``done`` is called."""

    def wants(self) -> Mapping[str, Request]:
        """The buffers, all at once."""
        ...

    def work(self, lent: Lent) -> None:
        """Whatever is to be kept must be copied; a fault in here is logged."""
        ...

    @property
    def done(self) -> Callable[[], None]:
        """Called once by the worker, whatever happened."""
        ...
