"""The same odd fields in every message of the contract, however deep it lies."""

from __future__ import annotations

from typing import Any

import pytest

from framesrv.errors import Refused
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import WireLimits, read_batch_request, read_stream_request
from tests.protocol.judge import judge_batch, judge_stream
from tests.protocol.soup import varint

LIMITS = WireLimits()
TOP: dict[str, Any] = {"batch": pb.ProcessBatchRequest, "stream": pb.ProcessStreamRequest}
# As a value of every field of the contract that is a number.
NUMBERS = (1, 127, 128, 2**31, 2**32 + 3, 2**63, 2**64 - 1)
UNKNOWN = ("5005", "a80605", "5200", "520178", "5501020304", "510102030405060708", "5354")
BROKEN = ("50", "5080", "52", "5205", "55010203", "51", "56", "54", "0000", "53", "ffffffffff01")


def paths(kind: Any, path: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], Any]]:
    """Every message that can be reached, by the numbers of the fields on the way."""
    found = [(path, kind)]
    for field in kind.fields:
        if field.message_type is not None:
            found += paths(field.message_type, (*path, field.number))
    return found


LEVELS = [
    pytest.param(top, path, kind, id=".".join([top, *map(str, path)]))
    for top, message in TOP.items()
    for path, kind in paths(message.DESCRIPTOR)
]


def wrapped(path: tuple[int, ...], data: bytes) -> bytes:
    for number in reversed(path):
        data = varint(number << 3 | 2) + varint(len(data)) + data
    return data


def judge(top: str, data: bytes) -> str:
    return (judge_batch if top == "batch" else judge_stream)(data, LIMITS)


@pytest.mark.parametrize(("top", "path", "kind"), LEVELS)
def test_odd_fields(top: str, path: tuple[int, ...], kind: Any) -> None:
    units = [bytes.fromhex(unit) for unit in UNKNOWN + BROKEN]
    for field in kind.fields:
        tag = field.number << 3
        units += [varint(tag | wire_type) for wire_type in range(8)]
        units += [varint(tag) + varint(number) for number in NUMBERS]
        units += [varint(tag, 3) + b"\x01", varint(tag | 2, 3) + b"\x00", varint(tag | 2) + b"\x00"]
        units += [varint(tag | 2) + varint(0, 5), varint(tag | 2) + varint(0, 6)]
        units += [varint(tag | 2) + b"\x01\xff", varint(tag | 5) + b"\x01\x02\x03\x04"]
    for unit in units:
        for data in (unit, unit + b"\x50\x05", unit + unit):
            judge(top, wrapped(path, data))
            judge(top, b"\x53\x54" + wrapped(path, data))
        judge(top, wrapped(path, unit) + b"\x0a\x00")  # what is cut must not go on there


@pytest.mark.parametrize(("top", "path", "kind"), LEVELS)
def test_fields_count_wherever_they_are(top: str, path: tuple[int, ...], kind: Any) -> None:
    read: Any = read_batch_request if top == "batch" else read_stream_request
    data = wrapped(path, b"\xd0\x3e\x00" * 20)  # a field that no message has
    for prefix in (b"", b"\x53\x54"):
        with pytest.raises(Refused, match="more than 19 fields"):
            read(prefix + data, WireLimits(max_fields=19))
    assert kind is not None
