"""The server's limits, held against what is about to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from framesrv.client.encode import MARGIN_BYTES, EncodedFrame
from framesrv.client.errors import refused_here
from framesrv.client.frames import Frame, FrameLike
from framesrv.errors import Reason
from framesrv.protocol.gen import frames_pb2 as pb

MESSAGE_MARGIN_BYTES = 16  # of tags and lengths around a batch, at most


@dataclass(frozen=True)
class Limits:
    """0 means that the server named none."""

    message_bytes: int = 0
    batch_frames: int = 0

    @classmethod
    def of(cls, info: pb.ServerInfo) -> Limits:
        return cls(info.max_message_bytes, info.max_batch_frames)

    def check(self, frames: Sequence[EncodedFrame], head_bytes: int = 0) -> None:
        if self.batch_frames and len(frames) > self.batch_frames:
            raise refused_here(
                Reason.BATCH_TOO_LARGE,
                f"{len(frames)} frames in a batch, and the server takes {self.batch_frames}",
                "split the batch, or use stream()",
            )
        size = head_bytes + sum(frame.size + MARGIN_BYTES for frame in frames)
        if self.message_bytes and size > self.message_bytes:
            raise refused_here(
                Reason.BATCH_TOO_LARGE,
                f"{len(frames)} frames of {size:,} bytes together, "
                f"and the server takes messages of {self.message_bytes:,} bytes",
                "send fewer frames in a batch, smaller ones, or JPEG in place of raw pixels",
            )

    def fits(self, size: int) -> bool:
        """Whether frames of so many bytes in sum, margins included, make a message."""
        return not self.message_bytes or size + MESSAGE_MARGIN_BYTES <= self.message_bytes


def frames_of(batch: Iterable[FrameLike]) -> list[FrameLike]:
    """A batch as a list; a single frame in its place is a mistake that would cost its pixels."""
    single = isinstance(batch, Frame | bytes | bytearray | memoryview)
    if single or (isinstance(batch, np.ndarray) and batch.ndim < 4):
        raise TypeError("process() takes a batch, an iterable of frames; see process_one()")
    return list(batch)
