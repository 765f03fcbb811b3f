"""A decoded frame in leased pixels, and the copy of it that a subscriber gets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from framesrv.errors import InvalidRecord
from framesrv.frames import copies
from framesrv.frames.base import ALONE, PooledRecord, references
from framesrv.frames.faults import Fault, is_positive
from framesrv.frames.layout import ImageLayout
from framesrv.pool.lease import ArrayLease

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class OwnedFrame:
    """A subscriber's clone: its own pixels and metadata, on the heap, in no pool.

    It is another type than the pooled record so that the two cannot be confused: this one has
    no ``reset`` and no lease, and ``pixels`` is the array itself. It lives as long as anybody
    wants it. Its fields cannot be replaced; its pixels and metadata may be written to.
    """

    stream_id: str
    sequence: int
    ingested_at_ns: int
    captured_at_ns: int
    layout: ImageLayout
    pixels: Pixels
    metadata: dict[str, str]
    trace_id: str

    def clone(self) -> OwnedFrame:
        """One more, for one more subscriber."""
        return _owned(self, self.layout, self.pixels)


@dataclass(slots=True, eq=False)
class CanonicalFrame(PooledRecord):
    """Decoded pixels in a lease, with what is known about them.

    ``layout`` says what the pixels are to be, which ``validate`` compares with what they are.
    """

    stream_id: str = ""
    sequence: int = 0
    ingested_at_ns: int = 0
    captured_at_ns: int = 0  # 0: unknown
    layout: ImageLayout | None = None
    pixels: ArrayLease | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    trace_id: str = ""

    def reset(self) -> None:
        self.stream_id = ""
        self.sequence = 0
        self.ingested_at_ns = 0
        self.captured_at_ns = 0
        self.layout = None
        self.pixels = None
        if references(self.metadata) == ALONE:
            self.metadata.clear()
        else:
            self.metadata = {}
        self.trace_id = ""

    def faults(self) -> list[Fault]:
        faults = []
        if not is_positive(self.ingested_at_ns):
            faults.append(Fault("ingested_at_ns", self.ingested_at_ns, "more than 0"))
        layout_faults = _layout_faults(self.layout)
        faults += layout_faults
        if self.pixels is None or self.pixels.released:
            faults.append(Fault("pixels", self.pixels, "a lease that is not released"))
        elif self.layout is not None and not layout_faults:
            # The array is looked at in a call that has returned before anybody raises: a
            # traceback that held it would quarantine the buffer.
            faults += _pixel_faults(self.pixels.array, self.layout)
        return faults

    def clone(self) -> OwnedFrame:
        """A copy for one subscriber, which the release of the lease does not touch."""
        if self.pixels is None or self.layout is None:
            raise InvalidRecord("CanonicalFrame: without pixels and their layout it has no clone")
        return _owned(self, self.layout, self.pixels.array)


def _owned(
    frame: CanonicalFrame | OwnedFrame, layout: ImageLayout, pixels: npt.NDArray[np.uint8]
) -> OwnedFrame:
    copies.CLONE.add()
    return OwnedFrame(
        stream_id=frame.stream_id,
        sequence=frame.sequence,
        ingested_at_ns=frame.ingested_at_ns,
        captured_at_ns=frame.captured_at_ns,
        layout=layout.packed(),  # the copy is, whatever lay between the rows of the original
        pixels=np.array(pixels, order="C"),
        metadata=dict(frame.metadata),
        trace_id=frame.trace_id,
    )


def _layout_faults(layout: ImageLayout | None) -> list[Fault]:
    if layout is None:
        return [Fault("layout", None, "an ImageLayout")]
    faults = [fault._replace(field=f"layout.{fault.field}") for fault in layout.faults()]
    if not faults and layout.is_planar:
        faults.append(Fault("layout.format", layout.format, "interleaved: one array of pixels"))
    return faults


def _pixel_faults(pixels: npt.NDArray[np.uint8], layout: ImageLayout) -> list[Fault]:
    faults = []
    if pixels.dtype != np.uint8:
        faults.append(Fault("pixels.dtype", str(pixels.dtype), "uint8"))
    if pixels.shape != layout.array_shape:
        faults.append(
            Fault("pixels.shape", pixels.shape, f"{layout.array_shape}, as the layout says")
        )
    elif not faults and _steps(pixels.strides, pixels.shape) != _steps(
        layout.array_strides, pixels.shape
    ):
        faults.append(
            Fault("pixels.strides", pixels.strides, f"{layout.array_strides}, as the layout says")
        )
    return faults


def _steps(strides: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """The strides that are ever used: along an axis of one nobody steps, and NumPy may say
    anything."""
    return [stride for stride, side in zip(strides, shape, strict=True) if side > 1]
