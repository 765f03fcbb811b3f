"""A simple model of the pools: who waits, who holds, who is next. Nothing is lent here.

It knows three resources, each with a line in order of arrival, and grants greedily from the
front. Time-outs happen in the order of their deadlines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NAMED = ("array", "bytes")  # a pool of arrays, a pool of BytesIO
ELASTIC = "elastic"  # images of any size, bounded by bytes


@dataclass(eq=False)
class Request:
    """Somebody's wish for a set of buffers: (resource, amount)."""

    wants: list[tuple[str, int]]
    deadline: float
    granted: list[bool] = field(default_factory=list)
    outcome: str = "waiting"  # then: held, exhausted, cancelled, closed, and at last returned

    def __post_init__(self) -> None:
        self.granted = [False] * len(self.wants)


class Model:
    def __init__(self, limits: dict[str, int]) -> None:
        self.limits = limits
        self.lines: dict[str, list[tuple[Request, int]]] = {name: [] for name in limits}
        self.in_use = dict.fromkeys(limits, 0)
        self.quarantined = dict.fromkeys(limits, 0)
        self.requests: list[Request] = []
        self.closed = False

    def ask(self, request: Request) -> None:
        self.requests.append(request)
        if self.closed:
            request.outcome = "closed"
            return
        for index, (name, _) in enumerate(request.wants):
            self.lines[name].append((request, index))
        self._settle()

    def free(self, name: str) -> int:
        return self.limits[name] - self.in_use[name] - self.quarantined[name]

    def _settle(self) -> None:
        for name, line in self.lines.items():
            while line:
                request, index = line[0]
                amount = request.wants[index][1]
                if amount > self.free(name):
                    break
                line.pop(0)
                self.in_use[name] += amount
                request.granted[index] = True
        for request in self.requests:
            if request.outcome == "waiting" and all(request.granted):
                request.outcome = "held"

    def give_up(self, request: Request, outcome: str) -> None:
        request.outcome = outcome
        self._refund(request)
        self._settle()

    def _refund(self, request: Request) -> None:
        for index, (name, amount) in enumerate(request.wants):
            if request.granted[index]:
                self.in_use[name] -= amount
                request.granted[index] = False
            elif (request, index) in self.lines[name]:
                self.lines[name].remove((request, index))

    def give_back(self, request: Request, *, kept: set[int]) -> None:
        """Return all; the places in ``kept`` go into quarantine."""
        for index in kept:
            name, amount = request.wants[index]
            self.quarantined[name] += amount
        request.outcome = "returned"
        self._refund(request)
        self._settle()

    def let_go(self, name: str, amount: int) -> None:
        self.quarantined[name] -= amount
        self._settle()

    def pass_time(self, now: float) -> None:
        while late := [
            request
            for request in self.requests
            if request.outcome == "waiting" and request.deadline <= now
        ]:
            self.give_up(min(late, key=lambda request: request.deadline), "exhausted")

    def close(self) -> None:
        self.closed = True
        for request in self.requests:
            if request.outcome == "waiting":
                request.outcome = "closed"
                self._refund(request)
        for line in self.lines.values():
            line.clear()
