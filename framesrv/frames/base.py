"""What the pooled records have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from sys import getrefcount
from typing import Final

from framesrv.frames.faults import Fault, refuse


class PooledRecord(ABC):
    """A record that a pool lends: zeroed on return, checked where it enters from outside.

    A record owns no lease. ``reset`` drops the references it holds and releases nothing: a
    lease belongs to the engine, and one that is dropped unreleased is reported by its pool as
    the leak it is. Two records are equal only if they are the same one.
    """

    __slots__ = ()

    @abstractmethod
    def reset(self) -> None:
        """Back to the zero state, field by field."""

    @abstractmethod
    def faults(self) -> list[Fault]:
        """All that is wrong with a record in use; empty if it is valid."""

    def validate(self) -> None:
        """Raise InvalidRecord, which names every fault at once."""
        kind, faults = type(self).__name__, self.faults()
        # The traceback keeps this frame, and the frame would keep the record: a ``with`` that
        # the error leaves would find the record still referenced, and quarantine it.
        del self
        refuse(kind, faults)


def references(kept: object) -> int:
    """How many references a record's own container has. Call it as ``references(self.field)``.

    A pool counts the references of a record, not those of the containers in it. Whoever still
    holds such a container after the record went home would read the next client's entries, so
    a record clears a container in place only if it is ``ALONE``, and else leaves it to them.
    """
    return getrefcount(kept)


class _Probe:
    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def count(self) -> int:
        return references(self.kept)


# Calibrated, since what a call itself adds differs between versions of CPython.
ALONE: Final = _Probe().count()
