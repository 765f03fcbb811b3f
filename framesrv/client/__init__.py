"""The Python client: ``FrameClient`` for threads, ``AsyncFrameClient`` for event loops.

It loads nothing of the server, and no image library before one is needed.
"""

from framesrv.client.aio import AsyncFrameClient
from framesrv.client.aio_stream import AsyncFrameStream
from framesrv.client.errors import (
    CallFailed,
    ClientClosed,
    DeadlineExceeded,
    FrameDropped,
    FrameFailed,
    FramesrvClientError,
    InvalidRequest,
    ServerBusy,
    ServerDraining,
    ServerUnavailable,
)
from framesrv.client.frames import Frame
from framesrv.client.pipelines import (
    Output,
    Pipeline,
    blur,
    convert,
    crop,
    custom,
    flip,
    resize,
    rotate,
)
from framesrv.client.results import FrameError, OutputImage, Result, Timings
from framesrv.client.stream import FrameStream
from framesrv.client.sync import FrameClient

__all__ = [
    "AsyncFrameClient",
    "AsyncFrameStream",
    "CallFailed",
    "ClientClosed",
    "DeadlineExceeded",
    "Frame",
    "FrameClient",
    "FrameDropped",
    "FrameError",
    "FrameFailed",
    "FrameStream",
    "FramesrvClientError",
    "InvalidRequest",
    "Output",
    "OutputImage",
    "Pipeline",
    "Result",
    "ServerBusy",
    "ServerDraining",
    "ServerUnavailable",
    "Timings",
    "blur",
    "convert",
    "crop",
    "custom",
    "flip",
    "resize",
    "rotate",
]
