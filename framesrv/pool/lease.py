"""The right to use one buffer for a while.

A lease that is alive owns ``_slot``. Whoever deletes that attribute first (one atomic step)
makes the return; everybody after that is too late, and is told so. The buffer's attribute is
deleted with it, so that touching a released lease ends in ``__getattr__`` and costs a live
one nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, Self, TypeVar

import numpy.typing as npt

from framesrv.pool.errors import PoolError, UseAfterRelease

if TYPE_CHECKING:
    from framesrv.pool.scratch import ScratchBytesIO
    from framesrv.pool.slot import Slot


R = TypeVar("R")


class Lender(Protocol):
    """What a lease needs of whoever lent it: the pools and their unpooled twins."""

    name: str
    settle: Callable[[Any, Slot], None]

    def released_twice(self, lease: Lease) -> None: ...


class Lease:
    __slots__ = ("__weakref__", "_pool", "_slot")

    _pool: Lender
    _slot: Slot

    def __init__(self) -> None:
        raise TypeError("a lease is made by a pool: use pool.acquire()")

    @property
    def pool_name(self) -> str:
        return self._pool.name

    @property
    def released(self) -> bool:
        return not hasattr(self, "_slot")

    def release(self) -> None:
        """Give the buffer back. A second call raises DoubleRelease."""
        try:
            slot = self._slot
            del self._slot
        except AttributeError:
            self._pool.released_twice(self)
            return
        self._pool.settle(self, slot)

    def __enter__(self) -> Self:
        if not hasattr(self, "_slot"):
            self._refuse("entered")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        if not hasattr(self, "_slot"):
            return
        try:
            self.release()
        except PoolError:
            if error is None:  # else the block's own error matters more; misuse was counted
                raise

    def __getattr__(self, name: str) -> NoReturn:
        if name in ("array", "buffer", "record", "used") and name in dir(type(self)):
            self._refuse(f"{name!r} touched")
        raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")

    def _refuse(self, what: str) -> NoReturn:
        raise UseAfterRelease(
            f"{what} on a lease of pool {self._pool.name!r} after its release: the buffer may "
            "belong to somebody else now; copy what you need before you release"
        )

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a lease cannot be copied or pickled: two of it could be released")

    def __repr__(self) -> str:
        state = "released" if self.released else "held"
        return f"<{type(self).__name__} of pool {self._pool.name!r}, {state}>"


class ArrayLease(Lease):
    """``array`` is a view made for this lease alone: do not keep it past the release."""

    __slots__ = ("array",)
    array: npt.NDArray[Any]


class BytesIOLease(Lease):
    __slots__ = ("buffer",)
    buffer: ScratchBytesIO

    def written(self) -> memoryview:
        """What was written during this lease, and no byte more."""
        return self.buffer.written()


class ByteArrayLease(Lease):
    """``used`` says how many bytes from the start are valid; set it after filling."""

    __slots__ = ("_used", "buffer")
    buffer: bytearray
    _used: int

    @property
    def used(self) -> int:
        if self.released:
            self._refuse("'used' touched")
        return self._used

    @used.setter
    def used(self, nbytes: int) -> None:
        if not 0 <= nbytes <= len(self.buffer):
            raise ValueError(f"used must be between 0 and {len(self.buffer)}, not {nbytes}")
        self._used = nbytes

    def written(self) -> memoryview:
        """The first ``used`` bytes."""
        return memoryview(self.buffer)[: self.used]


class RecordLease(Lease, Generic[R]):
    __slots__ = ("record",)
    record: R
