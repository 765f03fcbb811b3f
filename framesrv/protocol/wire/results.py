"""Writes what came of a frame, field by field in the order of their numbers, as protobuf does.

The bytes of an image go straight from the encoder's lease into the answer: that is their only
copy here. A message must have its length before it, so what stands around the images is made
first, in short pieces.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Protocol

from framesrv.frames.work import FrameError, FrameReport, OutputImage
from framesrv.protocol.status import CODES
from framesrv.protocol.wire.varints import (
    message_field,
    number_field,
    signed,
    text_field,
    text_size,
    varint,
    varint_size,
)

_IN_BATCH: Final = b"\x12"  # ProcessBatchResponse.results
_IN_STREAM: Final = b"\x0a"  # ResultBatch.results
_KEPT: Final = 256  # heads of outputs, at most some 300 bytes each: they repeat
_KEPT_CHARS_MAX: Final = 64


class Writable(Protocol):
    def write(self, data: bytes | memoryview, /) -> object: ...


def write_result(report: FrameReport, into: Writable) -> None:
    """Append one entry of ``ProcessBatchResponse.results``."""
    _write(report, into, _IN_BATCH)


def write_stream_result(report: FrameReport, into: Writable) -> None:
    """Append one entry of ``ResultBatch.results``."""
    _write(report, into, _IN_STREAM)


def result_bytes_bound(report: FrameReport) -> int:
    """Exactly how many bytes either of them will append."""
    timings = _timings_size(report)
    nbytes = (
        text_size(report.stream_id)
        + (1 + varint_size(report.sequence) if report.sequence else 0)
        + (2 if report.status else 0)
        + 1
        + varint_size(timings)
        + timings
        + (1 + varint_size(signed(report.captured_at_ns)) if report.captured_at_ns else 0)
        + (1 + varint_size(signed(report.received_at_ns)) if report.received_at_ns else 0)
        + text_size(report.trace_id)
    )
    if report.error is not None:
        nbytes += len(message_field(b"\x22", _error(report.error)))
    for image in report.outputs:
        length = image.data.nbytes
        whole = len(_image_head(image)) + length
        if length:
            whole += 1 + varint_size(length)
        nbytes += 1 + varint_size(whole) + whole
    return 1 + varint_size(nbytes) + nbytes


def batch_response_prefix(request_id: str) -> bytes:
    """What a ProcessBatchResponse begins with; its results are appended."""
    return text_field(b"\x0a", request_id)


def stream_results_prefix(nbytes: int) -> bytes:
    """What a ProcessStreamResponse begins with whose ``results`` have so many bytes."""
    return b"\x12" + varint(nbytes)


def _write(report: FrameReport, into: Writable, tag: bytes) -> None:
    before, after = _before(report), _after(report)
    pieces: list[bytes | memoryview] = []
    nbytes = len(after)
    for image in report.outputs:
        head, data = _image_head(image), image.data
        length = data.nbytes
        if length:
            head += b"\x22" + varint(length)
        # ``before`` is of the result, of the first image, or after another image's data.
        before += b"\x2a" + varint(len(head) + length) + head
        if length:
            pieces += (before, data)
            nbytes += len(before) + length
            before = b""
    last = before + after
    write = into.write
    write(tag + varint(nbytes + len(before)))
    for piece in pieces:
        write(piece)
    write(last)


def _before(report: FrameReport) -> bytes:
    """Of a FrameResult, what comes before its outputs."""
    head = text_field(b"\x0a", report.stream_id)
    if report.sequence:
        head += b"\x10" + varint(report.sequence)
    if report.status:
        head += b"\x18" + varint(report.status)
    if report.error is not None:
        head += message_field(b"\x22", _error(report.error))
    return head


def _after(report: FrameReport) -> bytes:
    """Of a FrameResult, what comes after its outputs."""
    t = report.timings
    queue, decode, process, encode, total = (
        t.queue_ns, t.decode_ns, t.process_ns, t.encode_ns, t.total_ns
    )  # fmt: skip
    if queue and decode and process and encode and total:  # of a frame that was processed
        timings = (
            b"\x08%b\x10%b\x18%b\x20%b\x28%b"
            % (varint(queue), varint(decode), varint(process), varint(encode), varint(total))
        )  # fmt: skip
    else:
        timings = (
            number_field(b"\x08", queue)
            + number_field(b"\x10", decode)
            + number_field(b"\x18", process)
            + number_field(b"\x20", encode)
            + number_field(b"\x28", total)
        )
    tail = b"\x32" + varint(len(timings)) + timings
    if report.captured_at_ns:
        tail += b"\x38" + varint(signed(report.captured_at_ns))
    if report.received_at_ns:
        tail += b"\x40" + varint(signed(report.received_at_ns))
    return tail + text_field(b"\x4a", report.trace_id) if report.trace_id else tail


def image_message(image: OutputImage) -> bytes:
    """An OutputImage by itself."""
    head, length = _image_head(image), image.data.nbytes
    return b"".join((head, b"\x22", varint(length), image.data)) if length else head


def _timings_size(report: FrameReport) -> int:
    t = report.timings
    nbytes = 0
    for number in (t.queue_ns, t.decode_ns, t.process_ns, t.encode_ns, t.total_ns):
        if number:
            nbytes += 1 + (number.bit_length() + 6) // 7
    return nbytes


def _error(error: FrameError) -> bytes:
    data = (
        number_field(b"\x08", CODES[error.reason])
        + text_field(b"\x12", error.reason.value)
        + text_field(b"\x1a", error.message)
    )
    if error.retry_after_ns is not None:
        data += message_field(b"\x22", duration(error.retry_after_ns))
    return data


def duration(nanos: int) -> bytes:
    """A google.protobuf.Duration, whose two parts have the same sign.

    >>> duration(1_500_000_000).hex(), duration(-1) == b"\\x10" + varint(signed(-1))
    ('08011080cab5ee01', True)
    """
    sign = -1 if nanos < 0 else 1
    seconds, rest = divmod(abs(nanos), 1_000_000_000)
    return number_field(b"\x08", signed(sign * seconds)) + number_field(
        b"\x10", signed(sign * rest)
    )


def _image_head(image: OutputImage) -> bytes:
    """Of an OutputImage, what comes before its data: mostly the same for a whole stream."""
    name, layout = image.name, image.layout
    sides = (layout.width, layout.height, layout.format, layout.row_stride_bytes)
    if len(name) <= _KEPT_CHARS_MAX:
        return _kept_head(name, image.encoding, sides)
    return _head(name, image.encoding, sides)


def _head(name: str, encoding: int, sides: tuple[int, int, int, int]) -> bytes:
    width, height, form, stride = sides
    layout = (
        number_field(b"\x08", width)
        + number_field(b"\x10", height)
        + number_field(b"\x18", signed(form))
        + number_field(b"\x20", stride)
    )
    return (
        text_field(b"\x0a", name)
        + number_field(b"\x10", signed(encoding))
        + message_field(b"\x1a", layout)
    )


_kept_head = lru_cache(maxsize=_KEPT)(_head)
