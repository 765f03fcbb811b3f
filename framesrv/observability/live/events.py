"""What is sent to open dashboards: server-sent events, encoded once for all of them.

JSON is written into a buffer of the pool ``json``, piece by piece, and handed on as one immutable
bytes: nothing pooled is given to a library.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from json import JSONEncoder
from typing import Any, Final

from framesrv.observability.live.history import Point
from framesrv.pool import ByteArrayPool, PoolError

# A bytearray takes an eighth more than it holds, and one of more than 64 KiB is not kept.
EVENT_BYTES_MAX: Final = 56 * 1024
RETRY: Final = b"retry: 1000\n\n"
_json: Final = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def encoded(pieces: Iterable[bytes], pool: ByteArrayPool | None) -> bytes:
    """All the pieces as one, put together in a borrowed buffer where there is one."""
    pieces, lease = iter(pieces), None
    if pool is not None:
        with suppress(PoolError):
            lease = pool.try_acquire()
    if lease is None:
        return b"".join(pieces)
    with lease:
        buffer, end = lease.buffer, 0
        for piece in pieces:
            start, end = end, end + len(piece)
            if end > len(buffer):
                if end > EVENT_BYTES_MAX:
                    return b"".join((bytes(memoryview(buffer)[:start]), piece, *pieces))
                buffer.extend(bytes(min(EVENT_BYTES_MAX, 2 * end) - len(buffer)))
            buffer[start:end] = piece
        lease.used = end
        with lease.written() as view:
            return bytes(view)


def event(kind: str, number: int, data: Iterable[bytes]) -> Iterator[bytes]:
    yield f"id: {number}\nevent: {kind}\ndata: ".encode()
    yield from data
    yield b"\n\n"


def snapshot_json(snapshot: Mapping[str, Any]) -> Iterator[bytes]:
    """A piece for each row of what is long, so that no piece is."""
    before = b"{"
    for key, value in snapshot.items():
        yield before + _bytes(key) + b":"
        before = b","
        if isinstance(value, list):
            yield from _rows(value)
        elif key == "streams":
            yield b'{"open":' + _bytes(value["open"]) + b',"shown":'
            yield from _rows(value["shown"])
            yield b"}"
        else:
            yield _bytes(value)
    yield b"}"


def history_json(points: Iterable[Point]) -> Iterator[bytes]:
    yield b'{"points":'
    yield from _rows(points)
    yield b"}"


def _rows(rows: Iterable[Any]) -> Iterator[bytes]:
    before = b"["
    for row in rows:
        yield before + _bytes(row)
        before = b","
    yield b"]" if before == b"," else b"[]"


def _bytes(value: Any) -> bytes:
    # A name that came as half of a surrogate pair is no text; it is shown with a mark in its place.
    return _json(value).encode(errors="replace")
