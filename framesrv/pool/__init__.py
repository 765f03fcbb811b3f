"""Bounded pools of preallocated buffers. Usable alone, by any Python program.

    from framesrv.pool import ArrayPool

    rgba = ArrayPool("rgba_320", shape=(320, 320, 4), dtype="uint8", capacity=8)
    with rgba.acquire(timeout_s=0.1) as lease:
        lease.array[...] = 0

Where to look: ``bounded`` borrows, ``base`` returns, ``line`` and ``waiting`` queue,
``arrays``, ``bytesio``, ``bytearrays`` and ``records`` are what can be pooled, ``ladder`` and
``budget`` bound images of any size, ``manager`` joins them, ``debug`` watches borrowers.
"""

from framesrv.pool.arrays import ArrayPool
from framesrv.pool.bytearrays import ByteArrayPool
from framesrv.pool.bytesio import BytesIOPool
from framesrv.pool.debug import DebugLevel
from framesrv.pool.errors import (
    BudgetExhausted,
    DoubleRelease,
    ForeignObject,
    JobTooLarge,
    PoolClosed,
    PoolDeadlock,
    PoolError,
    PoolExhausted,
    RetainedView,
    UseAfterRelease,
    WriteAfterRelease,
)
from framesrv.pool.janitor import Janitor
from framesrv.pool.lease import Lease
from framesrv.pool.leaseset import LeaseSet
from framesrv.pool.manager import ManagerState, PoolManager
from framesrv.pool.observer import PoolObserver
from framesrv.pool.records import RecordPool
from framesrv.pool.settings import PoolSettings
from framesrv.pool.shutdown import LeaseStillOut
from framesrv.pool.sizes import SizeClasses
from framesrv.pool.stats import PoolStats
from framesrv.pool.unpooled import (
    UnpooledArrayPool,
    UnpooledByteArrayPool,
    UnpooledBytesIOPool,
    UnpooledRecordPool,
)

__all__ = [
    "ArrayPool",
    "BudgetExhausted",
    "ByteArrayPool",
    "BytesIOPool",
    "DebugLevel",
    "DoubleRelease",
    "ForeignObject",
    "Janitor",
    "JobTooLarge",
    "Lease",
    "LeaseSet",
    "LeaseStillOut",
    "ManagerState",
    "PoolClosed",
    "PoolDeadlock",
    "PoolError",
    "PoolExhausted",
    "PoolManager",
    "PoolObserver",
    "PoolSettings",
    "PoolStats",
    "RecordPool",
    "RetainedView",
    "SizeClasses",
    "UnpooledArrayPool",
    "UnpooledByteArrayPool",
    "UnpooledBytesIOPool",
    "UnpooledRecordPool",
    "UseAfterRelease",
    "WriteAfterRelease",
]
