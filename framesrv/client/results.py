"""What came back for a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from grpc import StatusCode

from framesrv.client.errors import CODES, FrameDropped, FrameFailed
from framesrv.client.frames import Pixels
from framesrv.client.names import CHANNELS, ENCODINGS, PIXEL_FORMATS, PLANAR
from framesrv.client.pictures import decode
from framesrv.protocol.gen import frames_pb2 as pb

Status = Literal["ok", "failed", "dropped"]

_STATUS: dict[int, Status] = {
    pb.FRAME_STATUS_OK: "ok",
    pb.FRAME_STATUS_FAILED: "failed",
    pb.FRAME_STATUS_DROPPED: "dropped",
}
_ENCODING = {number: word for word, number in ENCODINGS.items()}
_FORMAT = {number: word.upper() for word, number in PIXEL_FORMATS.items()}


@dataclass(frozen=True, slots=True)
class FrameError:
    code: StatusCode
    reason: str  # stable, for programs
    message: str  # for people
    retry_after_s: float | None  # set where a retry can help


@dataclass(frozen=True, slots=True)
class Timings:
    queue_ns: int
    decode_ns: int
    process_ns: int
    encode_ns: int
    total_ns: int


@dataclass(frozen=True, slots=True)
class OutputImage:
    name: str
    encoding: str  # "jpeg", "png", "webp", "raw"
    width: int
    height: int
    format: str  # of the pixels, also where they are encoded
    row_stride_bytes: int  # 0: rows are packed
    bytes: bytes

    @property
    def array(self) -> Pixels:
        """The pixels. Raw ones are a view that cannot be written to, in the output's format.

        Encoded ones are decoded anew each time, by OpenCV or Pillow, whichever can be imported:
        grey, BGR or BGRA.
        """
        if self.encoding != "raw":
            return decode(self.bytes)
        number = PIXEL_FORMATS[self.format.lower()]
        channels = CHANNELS.get(number, 1)
        rows = self.height * 3 // 2 if number in PLANAR else self.height
        packed = self.width * channels
        stride = self.row_stride_bytes or packed
        if number == pb.PIXEL_FORMAT_I420 and stride != packed:
            raise ValueError("I420 with padded rows is no single array: take its planes from bytes")
        shape = (rows, self.width) if channels == 1 else (rows, self.width, channels)
        strides = (stride, 1) if channels == 1 else (stride, channels, 1)
        if stride < packed or len(self.bytes) < stride * (rows - 1) + packed:
            raise ValueError(
                f"output {self.name!r}: {len(self.bytes)} bytes are no {self.width} x {self.height}"
                f" of {self.format} with rows of {stride} bytes"
            )
        return np.ndarray(shape, np.uint8, self.bytes, strides=strides)


@dataclass(frozen=True, slots=True)
class Result:
    status: Status
    error: FrameError | None
    outputs: dict[str, OutputImage]
    timings: Timings
    sequence: int
    stream_id: str
    captured_at_ns: int
    received_at_ns: int  # Unix time at the server
    trace_id: str

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    def __getitem__(self, name: str) -> OutputImage:
        """An output by its name; the frame's error if it has none to give."""
        self.raise_for_error()
        try:
            return self.outputs[name]
        except KeyError:
            there = ", ".join(self.outputs) or "none"
            raise KeyError(f"no output {name!r}; there is: {there}") from None

    def raise_for_error(self) -> None:
        """Raise ``FrameFailed``, or ``FrameDropped``, unless the frame is ok."""
        if self.ok:
            return
        kind = FrameDropped if self.status == "dropped" else FrameFailed
        error = self.error or FrameError(StatusCode.UNKNOWN, "", "no reason given", None)
        raise kind(error.code, error.reason, error.message, error.retry_after_s, self.sequence)


def result_of(message: pb.FrameResult) -> Result:
    timings = message.timings
    return Result(
        status=_STATUS.get(message.status, "failed"),
        error=_error(message.error) if message.HasField("error") else None,
        outputs={image.name: image_of(image) for image in message.outputs},
        timings=Timings(
            timings.queue_ns,
            timings.decode_ns,
            timings.process_ns,
            timings.encode_ns,
            timings.total_ns,
        ),
        sequence=message.sequence,
        stream_id=message.stream_id,
        captured_at_ns=message.captured_at_ns,
        received_at_ns=message.received_at_ns,
        trace_id=message.trace_id,
    )


def _error(error: pb.FrameError) -> FrameError:
    after = error.retry_after.ToNanoseconds() / 1e9 if error.HasField("retry_after") else None
    return FrameError(CODES.get(error.code, StatusCode.UNKNOWN), error.reason, error.message, after)


def image_of(image: pb.OutputImage) -> OutputImage:
    layout = image.layout
    return OutputImage(
        name=image.name,
        encoding=_ENCODING.get(image.encoding, "jpeg"),
        width=layout.width,
        height=layout.height,
        format=_FORMAT.get(layout.format, str(layout.format)),
        row_stride_bytes=layout.row_stride_bytes,
        bytes=image.data,
    )
