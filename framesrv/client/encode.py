"""Frames to the bytes of the contract, without a copy of the payload on the way.

The generated classes would copy a payload three times: into bytes, into the message and out of
it. Here only the small parts go through them; a message is joined from its pieces once.
"""

from __future__ import annotations

from collections.abc import Iterable

from framesrv.client.frames import Buffer, Frame, FrameLike, crc32c, payload_of
from framesrv.protocol.gen import frames_pb2 as pb

UINT64_MAX = 2**64 - 1
INT64_MAX = 2**63 - 1

# Tags of length-delimited fields.
FRAME_RAW = bytes([pb.Frame.RAW_FIELD_NUMBER << 3 | 2])
FRAME_ENCODED = bytes([pb.Frame.ENCODED_FIELD_NUMBER << 3 | 2])
IMAGE_DATA = bytes([pb.RawImage.DATA_FIELD_NUMBER << 3 | 2])  # also EncodedImage's
REQUEST_FRAME = bytes([pb.ProcessBatchRequest.FRAMES_FIELD_NUMBER << 3 | 2])
BATCH_FRAME = bytes([pb.FrameBatch.FRAMES_FIELD_NUMBER << 3 | 2])
STREAM_BATCH = bytes([pb.ProcessStreamRequest.BATCH_FIELD_NUMBER << 3 | 2])
MARGIN_BYTES = 32  # of tags and lengths around a frame, at most


class EncodedFrame:
    """A ``Frame`` message in two pieces: all before the payload's bytes, and these."""

    __slots__ = ("data", "head", "size")

    def __init__(self, head: bytes, data: Buffer) -> None:
        self.head = head
        self.data = data
        self.size = len(head) + len(data)

    def freeze(self) -> None:
        """Keep the payload as it is now, even if the program reuses its array."""
        if not isinstance(self.data, bytes):
            self.data = bytes(self.data)


def varint(number: int) -> bytes:
    """
    >>> varint(300).hex()
    'ac02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_frame(frame: FrameLike, place: int) -> EncodedFrame:
    """``place`` becomes the sequence of a frame that has none."""
    if not isinstance(frame, Frame):
        frame = Frame(frame)
    payload = payload_of(frame)
    sequence = place if frame.sequence is None else frame.sequence
    if not 0 <= sequence <= UINT64_MAX:
        raise ValueError(f"sequence must be 0 to 2**64 - 1, not {sequence}")
    if not -INT64_MAX <= frame.captured_at_ns <= INT64_MAX:
        raise ValueError(f"captured_at_ns must fit 64 bits, not {frame.captured_at_ns}")
    fields = pb.Frame(
        stream_id=frame.stream_id,
        sequence=sequence,
        captured_at_ns=frame.captured_at_ns,
        trace_id=frame.trace_id,
    )
    if frame.crc:
        fields.crc32c = crc32c(payload.data)
    if payload.layout is not None:
        tag, image = FRAME_RAW, pb.RawImage(layout=payload.layout).SerializeToString()
    else:
        of_codec = pb.EncodedImage(codec=payload.codec)  # type: ignore[arg-type]
        tag, image = FRAME_ENCODED, of_codec.SerializeToString()
    image += IMAGE_DATA + varint(len(payload.data))
    head = fields.SerializeToString() + tag + varint(len(image) + len(payload.data)) + image
    return EncodedFrame(head, payload.data)


def batch_request(head: pb.ProcessBatchRequest, frames: Iterable[EncodedFrame]) -> bytes:
    """A ``ProcessBatchRequest``; ``head`` is all of it but the frames."""
    return b"".join([head.SerializeToString(), *_pieces(REQUEST_FRAME, frames)])


def stream_batch(frames: Iterable[EncodedFrame]) -> bytes:
    """A ``ProcessStreamRequest`` with a batch."""
    pieces = _pieces(BATCH_FRAME, frames)
    return b"".join([STREAM_BATCH, varint(sum(map(len, pieces))), *pieces])


def _pieces(tag: bytes, frames: Iterable[EncodedFrame]) -> list[Buffer]:
    pieces: list[Buffer] = []
    for frame in frames:
        pieces += (tag + varint(frame.size), frame.head, frame.data)
    return pieces
