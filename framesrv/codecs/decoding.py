"""From an encoded image to BGR pixels in a buffer that the caller lent."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from framesrv.codecs import jpeg_pixels, png_pixels, webp_pixels
from framesrv.codecs.header import Header
from framesrv.codecs.refusal import Broken, corrupt
from framesrv.frames.faults import short
from framesrv.frames.source import Codec

Pixels = npt.NDArray[np.uint8]


class _Decoder(Protocol):
    def decode(
        self, header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None
    ) -> None: ...

    def scratch(self, header: Header, width: int, height: int) -> tuple[int, ...] | None: ...


_DECODERS: Final[dict[Codec, _Decoder]] = {
    Codec.JPEG: jpeg_pixels,
    Codec.PNG: png_pixels,
    Codec.WEBP: webp_pixels,
}
_NAMES: Final = {Codec.JPEG: "JPEG", Codec.PNG: "PNG", Codec.WEBP: "WebP"}


def decode(header: Header, payload: memoryview, out: Pixels, scratch: Pixels | None = None) -> None:
    """Write every byte of ``out``, whose size ``decoded_size`` said. Orientation is ignored.

    ``scratch`` is a buffer of the shape that ``decode_scratch`` says; without it, the few
    images that need one take it from the heap. Raises Refused with IMAGE_CORRUPT, and then
    ``out`` holds nothing that may be shown.
    """
    _check("out", out, (*out.shape[:2], 3))
    if scratch is not None:
        _check("scratch", scratch, decode_scratch(header, out.shape[1], out.shape[0]))
    try:
        _DECODERS[header.codec].decode(header, payload, out, scratch)
        return
    except Broken:
        pass
    # Raised out here, and without the arrays in this frame: a traceback keeps what its frames
    # hold, and a pooled buffer that is kept is quarantined.
    del out, payload, scratch
    raise corrupt(f"the {_NAMES[header.codec]} is broken or cut short")


def decode_scratch(header: Header, width: int, height: int) -> tuple[int, ...] | None:
    """The shape (of bytes) that ``decode`` needs besides ``out`` at this size, if any.

    >>> decode_scratch(Header(Codec.PNG, 4, 2, samples=4), 4, 2)
    (2, 4, 4)
    """
    return _DECODERS[header.codec].scratch(header, width, height)


def _check(name: str, array: Pixels, shape: tuple[int, ...] | None) -> None:
    """The caller's own mistakes, which are no fault of the image."""
    if array.dtype != np.uint8 or array.shape != shape or not array.flags.c_contiguous:
        raise ValueError(
            f"{name} is {array.dtype} of shape {short(array.shape)} and must be contiguous uint8 "
            f"of shape {short(shape)}"
        )
