"""Records with every field filled, whatever fields they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final, get_type_hints

import numpy as np

from framesrv.errors import Reason
from framesrv.frames import (
    CanonicalFrame,
    Codec,
    Encoding,
    Envelope,
    FrameError,
    FrameJob,
    FrameReport,
    FrameStatus,
    ImageLayout,
    MergedFrame,
    OutputImage,
    PixelFormat,
    SourceFrame,
    Timings,
)
from framesrv.frames.merged import Fragment
from framesrv.pool import ArrayPool, Lease
from framesrv.pool.lease import ArrayLease

LAYOUT: Final = ImageLayout(4, 2, PixelFormat.BGR24)
RECORDS: Final[tuple[type[Any], ...]] = (
    Envelope,
    SourceFrame,
    CanonicalFrame,
    MergedFrame,
    FrameJob,
    FrameReport,
    Timings,  # part of a report, with a reset of its own
)


def pixels(value: int = 7) -> ArrayLease:
    """A lease whose pixels match LAYOUT. The pool lives as long as the lease."""
    lease = ArrayPool("pixels", shape=(2, 4, 3), capacity=1).acquire()
    lease.array[...] = value
    return lease


def canonical(value: int = 7, stream_id: str = "a") -> CanonicalFrame:
    return CanonicalFrame(
        stream_id=stream_id,
        sequence=3,
        ingested_at_ns=20,
        captured_at_ns=10,
        layout=LAYOUT,
        pixels=pixels(value),
        metadata={"camera": "left"},
        trace_id="t",
    )


def let_go(record: Any) -> None:
    """Release whatever leases the record refers to, as the engine would."""
    held = [record, *getattr(record, "fragments", ())]
    for lease in [getattr(one, "pixels", None) for one in held]:
        if isinstance(lease, Lease) and not lease.released:
            lease.release()


def _output() -> OutputImage:
    return OutputImage("small", Encoding.JPEG, LAYOUT, memoryview(b"jpeg"))


# A value for each type of field that is not what the field is at zero. A record with a field
# of another type needs a line here: the tests then say so instead of passing it over.
FILLERS: Final[dict[Any, Callable[[], Any]]] = {
    str: lambda: "text",
    int: lambda: 41,
    bool: lambda: True,
    int | None: lambda: 43,
    Any: object,
    memoryview | None: lambda: memoryview(b"payload"),
    ImageLayout | None: lambda: LAYOUT,
    Codec | int: lambda: Codec.PNG,
    ArrayLease | None: pixels,
    dict[str, str]: lambda: {"camera": "left"},
    list[Fragment]: lambda: [canonical()],
    FrameStatus: lambda: FrameStatus.DROPPED,
    FrameError | None: lambda: FrameError(Reason.MEMORY_BUDGET, "try later", 5),
    Timings: lambda: Timings(1, 2, 3, 4, 5),
    list[OutputImage]: lambda: [_output()],
}


def fill(record: Any) -> None:
    """Put a value into every field that is not its zero."""
    hints = get_type_hints(type(record))
    for field in fields(record):
        before = getattr(record, field.name)
        setattr(record, field.name, FILLERS[hints[field.name]]())
        if same(before, getattr(record, field.name)):
            raise AssertionError(f"the filler of {field.name} gives its zero state")


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return left is right
    return type(left) is type(right) and bool(left == right)


def not_zeroed(record: Any) -> list[str]:
    """The fields that differ from a new record's."""
    zero = type(record)()
    return [
        field.name
        for field in fields(record)
        if not same(getattr(record, field.name), getattr(zero, field.name))
    ]


def array_payload() -> tuple[memoryview, Any]:
    """A payload, and the object under it that a weakref can watch."""
    owner: Any = np.ones(16, np.uint8)
    return memoryview(owner), owner
