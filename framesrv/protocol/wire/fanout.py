"""What a subscriber asks for, and what it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import ImageLayout
from framesrv.frames.merged import MergedFrame
from framesrv.frames.work import Encoding, OutputImage
from framesrv.protocol.gen import frames_pb2
from framesrv.protocol.wire.records import WireLimits
from framesrv.protocol.wire.results import duration, image_message
from framesrv.protocol.wire.varints import message_field, number_field, signed, text_field, varint
from framesrv.protocol.wire.walk import Reading, fields, malformed

REQUEST_BYTES_MAX: Final = 64 * 1024  # it is kept for as long as the subscription
_OUTPUTS: Final = 0x2A  # of a FrameResult
_NAME: Final = 0x0A  # of an OutputImage
# Of a FrameResult: its stream and number, its status, and when it was captured and received.
_HEADLINE: Final = frozenset((0x0A, 0x10, 0x18, 0x38, 0x40))
_OURS: Final = WireLimits()


@dataclass(frozen=True, slots=True)
class MosaicAsked:
    columns: int
    width: int
    height: int
    encoding: int  # a number that is not known is kept as it came
    alone: bool


@dataclass(frozen=True, slots=True)
class MergeAsked:
    length_ns: int
    lateness_ns: int
    mosaic: MosaicAsked | None


@dataclass(frozen=True, slots=True)
class SubscribeAsked:
    stream_ids: tuple[str, ...]
    output_names: tuple[str, ...]
    queue_frames: int
    merge: MergeAsked | None
    wait: bool


def read_subscribe_request(data: bytes) -> SubscribeAsked:
    """A SubscribeRequest. Read once a call, so by the generated class."""
    if len(data) > REQUEST_BYTES_MAX:
        raise Refused(
            Reason.MALFORMED_MESSAGE,
            f"the request has {len(data):,} bytes and may have {REQUEST_BYTES_MAX:,}: ask for all "
            "streams, or in several calls",
        )
    try:
        asked = frames_pb2.SubscribeRequest.FromString(data)
    except DecodeError:
        pass
    else:
        return SubscribeAsked(
            tuple(dict.fromkeys(asked.stream_ids)),
            tuple(dict.fromkeys(asked.output_names)),
            asked.queue_frames,
            _merge(asked.merge) if asked.HasField("merge") else None,
            asked.wait,
        )
    raise malformed("the generated class cannot read it")


def _merge(asked: frames_pb2.MergeWindow) -> MergeAsked:
    mosaic = asked.mosaic
    return MergeAsked(
        _nanos(asked.length),
        _nanos(asked.lateness),
        MosaicAsked(mosaic.columns, mosaic.width, mosaic.height, mosaic.encoding, mosaic.alone)
        if asked.HasField("mosaic")
        else None,
    )


def _nanos(duration: object) -> int:
    seconds: int = getattr(duration, "seconds", 0)
    nanos: int = getattr(duration, "nanos", 0)
    return seconds * 1_000_000_000 + nanos


# -- what is told: SubscribeResponse messages --------------------------------------------------


def with_outputs(message: bytes, names: Iterable[str]) -> bytes:
    """The same ``frame`` with these of its outputs only. The message is one of ours.

    It is of the very form in which ``write_stream_result`` writes it: a result has one number,
    whether it is a stream's or a subscriber's.
    """
    wanted = {name.encode() for name in names}
    reading = Reading(message, _OURS)
    _, start, end = next(fields(reading, 0, len(message)))
    kept, from_ = [], start
    for tag, value, stop in fields(reading, start, end):
        if tag == _OUTPUTS and _name_of(reading, value, stop) not in wanted:
            from_ = stop
            continue
        kept.append(message[from_:stop])
        from_ = stop
    return message_field(message[:1], b"".join(kept))


def headline(message: bytes) -> bytes:
    """The same ``frame`` without anything that may be long: which it is, and when it was."""
    reading = Reading(message, _OURS)
    _, start, end = next(fields(reading, 0, len(message)))
    kept, from_ = [], start
    for tag, _, stop in fields(reading, start, end):
        if tag in _HEADLINE:
            kept.append(message[from_:stop])
        from_ = stop
    return message_field(message[:1], b"".join(kept))


def _name_of(reading: Reading, start: int, end: int) -> bytes:
    for tag, value, stop in fields(reading, start, end):
        if tag == _NAME:
            return reading.data[value:stop]
    return b""


def gap(stream_id: str, dropped_frames: int) -> bytes:
    told = text_field(b"\x0a", stream_id) + number_field(b"\x10", dropped_frames)
    return message_field(b"\x1a", told)


def stream_event(stream_id: str, state: int) -> bytes:
    return message_field(b"\x2a", text_field(b"\x0a", stream_id) + number_field(b"\x10", state))


def subscriber_go_away(reason: str, grace_s: float) -> bytes:
    grace = duration(round(grace_s * 1e9))
    told = text_field(b"\x0a", reason) + message_field(b"\x12", grace)
    return message_field(b"\x22", told)


def merged(
    frame: MergedFrame, fragments: Sequence[bytes], mosaic: OutputImage | None = None
) -> bytes:
    """``fragments``: a ``frame`` message for each."""
    pieces: list[bytes | memoryview] = [
        text_field(b"\x0a", frame.merge_id),
        number_field(b"\x10", signed(frame.window_open_ns)),
        number_field(b"\x18", signed(frame.window_close_ns)),
        number_field(b"\x20", frame.complete),
    ]
    for fragment in fragments:
        pieces += (b"\x2a", memoryview(fragment)[1:])
    if mosaic is not None:
        pieces.append(message_field(b"\x32", image_message(mosaic)))
    nbytes = sum(map(len, pieces))
    return b"".join((b"\x12", varint(nbytes), *pieces))


# -- and what is in them -----------------------------------------------------------------------


def first_output(message: bytes, names: Sequence[str]) -> OutputImage | None:
    """The first of a ``frame``'s outputs, or of those with one of these names."""
    reading = Reading(message, _OURS)
    wanted = {name.encode() for name in names}
    _, start, end = next(fields(reading, 0, len(message)))
    for tag, value, stop in fields(reading, start, end):
        if tag == _OUTPUTS and (not wanted or _name_of(reading, value, stop) in wanted):
            return _output(reading, value, stop)
    return None


def _output(reading: Reading, start: int, end: int) -> OutputImage:
    name, encoding, layout, data = "", 0, ImageLayout(), memoryview(b"")
    for tag, value, stop in fields(reading, start, end):
        if tag == _NAME:
            name = reading.data[value:stop].decode()
        elif tag == 0x10:
            encoding = value
        elif tag == 0x1A:
            sides = {number: held for number, held, _ in fields(reading, value, stop)}
            layout = ImageLayout(*(sides.get(number, 0) for number in (0x08, 0x10, 0x18, 0x20)))
        elif tag == 0x22:
            data = reading.view[value:stop]
    return OutputImage(name, Encoding(encoding), layout, data)
