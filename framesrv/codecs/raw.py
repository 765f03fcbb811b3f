"""Raw images: checked, looked at in place, and converted to BGR where they are not."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from framesrv.codecs.limits import Limits
from framesrv.codecs.stripes import stripes
from framesrv.errors import Reason, Refused
from framesrv.frames import copies
from framesrv.frames.faults import short
from framesrv.frames.form import Form
from framesrv.frames.layout import ImageLayout, PixelFormat

Pixels = npt.NDArray[np.uint8]

_TO_BGR: Final = {
    PixelFormat.RGB24: cv2.COLOR_RGB2BGR,
    PixelFormat.RGBA32: cv2.COLOR_RGBA2BGR,
    PixelFormat.BGRA32: cv2.COLOR_BGRA2BGR,
    PixelFormat.GRAY8: cv2.COLOR_GRAY2BGR,
}


def raw_form(layout: ImageLayout, nbytes: int, limits: Limits) -> Form:
    """The form of a raw image of so many bytes. Raises Refused with UNSUPPORTED_FORMAT,
    SHAPE_MISMATCH or IMAGE_TOO_LARGE.

    >>> raw_form(ImageLayout(4, 2, PixelFormat.NV12), 12, Limits()).shape
    (3, 4)
    """
    faults = layout.faults()
    if faults:
        unknown = any(fault.field == "format" for fault in faults)
        reason = Reason.UNSUPPORTED_FORMAT if unknown else Reason.SHAPE_MISMATCH
        raise Refused(reason, "the layout: " + "; ".join(map(str, faults)))
    limits.check_size(layout.width, layout.height)
    fault = layout.length_fault(nbytes)
    if fault is not None:
        raise Refused(Reason.SHAPE_MISMATCH, str(fault))
    return Form(layout.width, layout.height, PixelFormat(layout.format))


def raw_view(layout: ImageLayout, payload: memoryview) -> Pixels:
    """The payload as a read-only array, without a copy. For interleaved formats."""
    layout.check_length(payload.nbytes)
    view: Pixels = np.ndarray(
        layout.array_shape, np.uint8, buffer=payload, strides=layout.array_strides
    )
    view.flags.writeable = False
    return view


def raw_is_bgr(layout: ImageLayout) -> bool:
    """Whether ``raw_view`` shows the canonical pixels already, and nothing need be converted."""
    return layout.format == PixelFormat.BGR24


def raw_to_bgr(layout: ImageLayout, payload: memoryview, out: Pixels) -> None:
    """Write every byte of ``out``, of shape (height, width, 3) and C-contiguous."""
    shape = (layout.height, layout.width, 3)
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous:
        # OpenCV would write into an array of its own, and out would keep what it held.
        raise ValueError(f"out is {short(out.shape)} and must be contiguous uint8 {shape}")
    layout.check_length(payload.nbytes)
    if layout.format == PixelFormat.NV12:
        _nv12(layout, payload, out)
    elif layout.format == PixelFormat.I420:
        _i420(layout, payload, out)
    elif raw_is_bgr(layout):
        np.copyto(out, raw_view(layout, payload))
        copies.CODEC.add()
    else:
        cv2.cvtColor(raw_view(layout, payload), _TO_BGR[PixelFormat(layout.format)], dst=out)


def _nv12(layout: ImageLayout, payload: memoryview, out: Pixels) -> None:
    width, height, stride = layout.width, layout.height, layout.stride_bytes
    luma = np.ndarray((height, width), np.uint8, payload, strides=(stride, 1))
    # Rows of UVUV... as pixels of two channels, in place.
    pairs = np.ndarray(
        (height // 2, width // 2, 2), np.uint8, payload, height * stride, (stride, 2, 1)
    )
    cv2.cvtColorTwoPlane(luma, pairs, cv2.COLOR_YUV2BGR_NV12, dst=out)


def _i420(layout: ImageLayout, payload: memoryview, out: Pixels) -> None:
    """Padded rows are not known to OpenCV in this format. So a stripe's U and V are laid side
    by side, as NV12 has them, and every I420 goes the same way."""
    data = np.frombuffer(payload, np.uint8)
    width, height, stride = layout.width, layout.height, layout.stride_bytes
    luma = data[: height * stride].reshape(height, stride)[:, :width]
    planes = data[height * stride :].reshape(2, height // 2, layout.chroma_stride_bytes)
    blue, red = planes[..., : width // 2]
    for rows in stripes(out):
        half = slice(rows.start // 2, rows.stop // 2)
        pairs = cv2.merge([blue[half], red[half]])
        cv2.cvtColorTwoPlane(luma[rows], pairs, cv2.COLOR_YUV2BGR_NV12, dst=out[rows])
