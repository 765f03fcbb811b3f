"""The Python client: ``FrameClient`` for threads, ``AsyncFrameClient`` for event loops.

It loads nothing of the server, and no image library before one is needed.
"""

from framesrv.client.account import Count
from framesrv.client.aio import AsyncFrameClient
from framesrv.client.aio_stream import AsyncFrameStream
from framesrv.client.aio_subscription import AsyncSubscription
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
    SlowConsumer,
)
from framesrv.client.frames import Frame
from framesrv.client.interest import Merge, Mosaic
from framesrv.client.items import Gap, GoAway, Item, MergedFrame, StreamEvent
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
from framesrv.client.subscription import Subscription
from framesrv.client.sync import FrameClient

__all__ = [
    "AsyncFrameClient",
    "AsyncFrameStream",
    "AsyncSubscription",
    "CallFailed",
    "ClientClosed",
    "Count",
    "DeadlineExceeded",
    "Frame",
    "FrameClient",
    "FrameDropped",
    "FrameError",
    "FrameFailed",
    "FrameStream",
    "FramesrvClientError",
    "Gap",
    "GoAway",
    "InvalidRequest",
    "Item",
    "Merge",
    "MergedFrame",
    "Mosaic",
    "Output",
    "OutputImage",
    "Pipeline",
    "Result",
    "ServerBusy",
    "ServerDraining",
    "ServerUnavailable",
    "SlowConsumer",
    "StreamEvent",
    "Subscription",
    "Timings",
    "blur",
    "convert",
    "crop",
    "custom",
    "flip",
    "resize",
    "rotate",
]
