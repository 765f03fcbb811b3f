"""What became of each frame, read from an answer's bytes without looking at the pictures in it.

The generated classes would copy every picture to tell us one number; a load test that spends its
time on that measures itself. They are asked only where something is not ok.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from framesrv.protocol.gen import frames_pb2 as pb

# Tags of the contract's fields that are followed.
_RESULTS_OF_BATCH: Final = pb.ProcessBatchResponse.RESULTS_FIELD_NUMBER << 3 | 2
_RESULTS_OF_STREAM: Final = pb.ProcessStreamResponse.RESULTS_FIELD_NUMBER << 3 | 2
_GO_AWAY: Final = pb.ProcessStreamResponse.GO_AWAY_FIELD_NUMBER << 3 | 2
_RESULTS: Final = pb.ResultBatch.RESULTS_FIELD_NUMBER << 3 | 2
_STATUS: Final = pb.FrameResult.STATUS_FIELD_NUMBER << 3
OK: Final[int] = pb.FRAME_STATUS_OK


def batch_statuses(data: bytes) -> list[int]:
    """One number for each result in a ProcessBatchResponse, in order."""
    return [_status(data, *span) for span in _members(data, 0, len(data), _RESULTS_OF_BATCH)]


def stream_statuses(data: bytes) -> list[int]:
    """The same of a ProcessStreamResponse; none if it carries something else."""
    return [
        _status(data, *span)
        for batch in _members(data, 0, len(data), _RESULTS_OF_STREAM)
        for span in _members(data, *batch, _RESULTS)
    ]


def goes_away(data: bytes) -> bool:
    """Whether a ProcessStreamResponse says that the server will close."""
    return any(_members(data, 0, len(data), _GO_AWAY))


def all_ok(statuses: list[int]) -> bool:
    return statuses.count(OK) == len(statuses)


def batch_reasons(data: bytes) -> Counter[str]:
    return _reasons(pb.ProcessBatchResponse.FromString(data).results)


def stream_reasons(data: bytes) -> Counter[str]:
    return _reasons(pb.ProcessStreamResponse.FromString(data).results.results)


def _reasons(results: object) -> Counter[str]:
    """Of the results that are not ok."""
    reasons: Counter[str] = Counter()
    for result in results:  # type: ignore[attr-defined]
        if result.status != OK:
            reasons[result.error.reason or "UNKNOWN"] += 1
    return reasons


def _status(data: bytes, pos: int, end: int) -> int:
    """The status comes early, before the pictures, so little of a result is walked."""
    while pos < end:
        tag, pos = _varint(data, pos)
        if tag == _STATUS:
            return _varint(data, pos)[0]
        pos = _after(data, tag, pos)
    return 0


def _members(data: bytes, pos: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    while pos < end:
        tag, pos = _varint(data, pos)
        if tag == wanted:
            size, pos = _varint(data, pos)
            yield pos, pos + size
            pos += size
        else:
            pos = _after(data, tag, pos)


def _after(data: bytes, tag: int, pos: int) -> int:
    kind = tag & 7
    if kind == 0:
        return _varint(data, pos)[1]
    if kind == 2:
        size, pos = _varint(data, pos)
        return pos + size
    if kind in (1, 5):
        return pos + (8 if kind == 1 else 4)
    raise ValueError("the server's answer is no message of the contract")


def _varint(data: bytes, pos: int) -> tuple[int, int]:
    number = data[pos]
    pos += 1
    if number < 0x80:
        return number, pos
    number &= 0x7F
    shift = 7
    while True:
        byte = data[pos]
        pos += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, pos
        shift += 7
