"""All the buffers of one job: borrowed together, returned together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from framesrv.pool.errors import DoubleRelease, PoolError
from framesrv.pool.lease import Lease


def release_all(leases: Iterable[Lease], complaints: list[Exception]) -> None:
    """Give back all that are held, the last borrowed first, whatever some of them complain of.

    The complaints go into the caller's list and are kept nowhere else: an error that a frame of
    its own traceback holds lives until the cyclic garbage collector comes, and so does all that
    the other frames hold.
    """
    for lease in reversed(list(leases)):
        try:
            if not lease.released:
                lease.release()
        except Exception as error:
            complaints.append(error)


class LeaseSet:
    """Leases by the names of their places: ``leases["src"].array``."""

    __slots__ = ("_leases", "_released")

    def __init__(self, leases: dict[str, Any]) -> None:
        self._leases = leases
        self._released = False

    def __getitem__(self, place: str) -> Any:
        try:
            return self._leases[place]
        except KeyError:
            places = ", ".join(map(repr, self._leases))
            raise KeyError(f"no place {place!r} in this set; it has {places}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._leases)

    def __len__(self) -> int:
        return len(self._leases)

    def items(self) -> Iterator[tuple[str, Lease]]:
        return iter(self._leases.items())

    @property
    def released(self) -> bool:
        return self._released

    def release(self) -> None:
        """Give all of them back, the last borrowed first; those given back before stay so.

        All are returned even if one of them complains; the first complaint is raised then.
        """
        if self._released:
            raise DoubleRelease("a set of leases was released a second time")
        complaints: list[Exception] = []
        release_all(self._leases.values(), complaints)
        self._released = True
        if complaints:
            del complaints[1:]
            raise complaints.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._released:
            return
        try:
            self.release()
        except PoolError:
            if kind is None:  # else the block's own error matters more; misuse was counted
                raise
