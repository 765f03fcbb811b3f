"""Whether the server takes work. Whoever tells it, over HTTP or gRPC, reads it here."""

from __future__ import annotations

from collections.abc import Callable


class Readiness:
    """Set by any thread, read by any.

    >>> readiness = Readiness()
    >>> readiness.reason
    'starting'
    >>> readiness.follow(lambda: print("now", readiness.reason or "ready"))
    >>> readiness.ready()
    now ready
    """

    def __init__(self) -> None:
        self.reason = "starting"  # why not; empty when ready
        self._followers: list[Callable[[], object]] = []

    @property
    def is_ready(self) -> bool:
        return not self.reason

    def ready(self) -> None:
        self._set("")

    def not_ready(self, reason: str) -> None:
        self._set(reason)

    def follow(self, call: Callable[[], object]) -> None:
        """Call this after each change, in the thread that made it.

        It is not told the news but reads what holds: of two changes at once, the call after the
        last finds the last.
        """
        self._followers.append(call)

    def _set(self, reason: str) -> None:
        self.reason = reason
        for call in self._followers:
            call()
