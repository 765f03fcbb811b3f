"""Pages of a returned array that nobody can touch: the offending line dies with a traceback."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import sys
from typing import Any, Final

from framesrv.errors import BadConfig
from framesrv.pool.debug.marks import ArrayMark
from framesrv.pool.memory import mapped_bytes
from framesrv.pool.slot import Slot

_NOTHING: Final = 0
_READ_AND_WRITE: Final = 1 | 2


class FenceMark(ArrayMark):
    """Poison behind a fence. The fence comes down only for the one who borrows next."""

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise BadConfig("FRAMESRV_POOL_DEBUG=fence needs Linux; use poison here")
        if not faulthandler.is_enabled():
            faulthandler.enable()  # else the culprit would die without a word

    def put_on(self, item: Any) -> None:
        _protect(item, _READ_AND_WRITE)
        super().put_on(item)
        _protect(item, _NOTHING)

    def damage(self, slot: Slot) -> str | None:
        _protect(slot.item, _READ_AND_WRITE)
        return super().damage(slot)


def _protect(array: Any, access: int) -> None:
    if _mprotect(array.ctypes.data, mapped_bytes(array.nbytes), access) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mprotect: {os.strerror(number)}")


def _mprotect(address: int, nbytes: int, access: int) -> int:
    call = ctypes.CDLL(None, use_errno=True).mprotect
    return int(call(ctypes.c_void_p(address), ctypes.c_size_t(nbytes), ctypes.c_int(access)))
