"""The records that a frame travels in, and the layouts of images.

Where to look: ``layout`` says how the bytes of an image lie; ``source``, ``canonical``,
``merged`` and ``work`` hold the records in the order in which a frame meets them; ``base`` is
what they have in common, ``capacities`` makes their pools.
"""

from framesrv.frames.base import PooledRecord
from framesrv.frames.canonical import CanonicalFrame, OwnedFrame
from framesrv.frames.capacities import record_pools
from framesrv.frames.faults import Fault
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.merged import MergedFrame, OwnedMergedFrame
from framesrv.frames.source import Codec, Envelope, SourceFrame
from framesrv.frames.work import (
    Encoding,
    FrameError,
    FrameJob,
    FrameReport,
    FrameStatus,
    OutputImage,
    Timings,
)

__all__ = [
    "CanonicalFrame",
    "Codec",
    "Encoding",
    "Envelope",
    "Fault",
    "FrameError",
    "FrameJob",
    "FrameReport",
    "FrameStatus",
    "ImageLayout",
    "MergedFrame",
    "OutputImage",
    "OwnedFrame",
    "OwnedMergedFrame",
    "PixelFormat",
    "PooledRecord",
    "SourceFrame",
    "Timings",
    "record_pools",
]
