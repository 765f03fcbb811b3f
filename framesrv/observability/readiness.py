"""Whether the server takes work, for whoever sends it some. Set by one thread, read by another."""

from __future__ import annotations


class Readiness:
    """
    >>> readiness = Readiness()
    >>> readiness.reason
    'starting'
    >>> readiness.ready(); readiness.reason
    ''
    """

    def __init__(self) -> None:
        self.reason = "starting"  # why not; empty when ready

    def ready(self) -> None:
        self.reason = ""

    def not_ready(self, reason: str) -> None:
        self.reason = reason
