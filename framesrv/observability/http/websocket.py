"""A connection that speaks WebSocket: whole messages in and out, and none that holds anything.

Of what comes, one message at a time is read, and only when it is asked for: what a client sends
faster stays with the system, and so in the end with the client. What wsproto is given and what it
parses is bounded here; it keeps nothing by itself.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Mapping
from io import BytesIO
from typing import Any, Final

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    TextMessage,
)

from framesrv.observability.http.guard import Next

log = logging.getLogger("framesrv.http")

OPEN_MAX: Final = 32  # at once, beside the connections that speak HTTP
FIRST_S_MAX: Final = 10.0  # until the first message
CLOSE_S_MAX: Final = 2.0  # until the other end says that it has read the last
# Twice as long, and whoever has said nothing and taken nothing is gone.
PULSE_S: Final = 20.0
FRAGMENTS_MAX: Final = 4096  # of one message: browsers send 8 MiB in some hundreds
CONTROLS_MAX: Final = 64  # pings and the like between two pulses, that nobody asked for
FRAMES_A_TURN: Final = 128  # then others have theirs: reading one is slow, and it may be empty
_SEND_BUFFER_BYTES: Final = 64 * 1024  # what is there is old when it is read

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
POLICY: Final = 1008
TOO_LARGE: Final = 1009


class WebSocket(Next):
    """One task receives, one sends; both, and all else, on the listener's loop."""

    def __init__(self, peer: str, headers: Mapping[str, str], max_message_bytes: int) -> None:
        self.peer = peer
        self.headers = headers
        self.transport: asyncio.Transport
        self._connections: set[Any]
        self._max_bytes = max_message_bytes
        self._loop = asyncio.get_running_loop()
        self._conn = Connection(ConnectionType.SERVER)
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._closing = False  # nothing is given out any more, and nothing sent
        # What comes:
        self._part = BytesIO()
        self._part_bytes = self._fragments = self._controls = 0
        self._whole: bytes | str | None = None
        self._wanted = self._reading = self._resting = False
        self._news = asyncio.Event()
        # What goes:
        self._writable = asyncio.Event()
        self._writable.set()
        self._pong: bytes | None = None  # owed
        # Whether the other end lives:
        self._timer: asyncio.TimerHandle | None = None
        self._first: asyncio.TimerHandle | None = None
        self._heard = self._was_deaf = False
        self._asked: bytes | None = None  # what the last ping had in it
        self._pings = self._written = self._sent_before = self._unsent_before = 0

    def begin(self, transport: asyncio.Transport, connections: set[Any], data: bytes) -> None:
        """The connection is ours from now on; ``data`` came with the request."""
        self.transport = transport
        self._connections = connections
        connections.add(self)
        sent_through = transport.get_extra_info("socket")
        sent_through.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        self._timer = self._loop.call_later(PULSE_S, self._pulse)
        self._first = self._loop.call_later(FIRST_S_MAX, self._fail, POLICY, "no message came")
        transport.pause_reading()
        self._conn.receive_data(data)

    # -- for whoever serves it -------------------------------------------------------------

    @property
    def gone(self) -> bool:
        return self._closing or self._lost.done()

    async def receive(self) -> bytes | str:
        """The next message. Raises ConnectionError when there is nobody to send one."""
        self._wanted = True
        if self._whole is None:
            self._parse()
        while self._whole is None:
            if self.gone:
                raise ConnectionResetError
            self._news.clear()
            await self._news.wait()
        message, self._whole = self._whole, None
        return message

    async def send(self, message: bytes | str) -> None:
        """Return when there is room for another."""
        await self._writable.wait()
        if self.gone:
            raise ConnectionResetError
        if isinstance(message, str):
            self._write(TextMessage(data=message))
        else:
            self._write(BytesMessage(data=message))
        await self._writable.wait()

    async def close(self, code: int, reason: str) -> None:
        """Return when the other end has taken all that was sent, or has had time enough."""
        self._close(code, reason)
        await asyncio.shield(self._lost)

    # -- what comes ------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._heard = True
        if self._conn.state in {ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING}:
            self._conn.receive_data(data)
            self._parse()

    def _parse(self) -> None:
        """As far as is wanted: what is behind a whole message stays as it came."""
        frames = FRAMES_A_TURN
        if not self._resting and self._is_open_to_read:
            for event in self._conn.events():
                self._take(event)
                frames -= 1
                if not frames:
                    self._resting = True
                    self._loop.call_soon(self._go_on)
                if not frames or not self._is_open_to_read:
                    break
        self._read_or_not()

    def _go_on(self) -> None:
        self._resting = False
        self._parse()

    @property
    def _is_open_to_read(self) -> bool:
        if self._lost.done():
            return False
        return self._closing or (self._wanted and self._whole is None)

    def _read_or_not(self) -> None:
        reads = self._is_open_to_read and not self._resting
        if reads == self._reading or self.transport.is_closing():
            return
        self._reading = reads
        if reads:
            self.transport.resume_reading()
        else:
            self._was_deaf = True
            self.transport.pause_reading()

    def _take(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self._take_close(event)
        elif self._closing:
            pass
        elif isinstance(event, BytesMessage | TextMessage):
            self._take_part(event)
        elif isinstance(event, Ping):
            self._pong = bytes(event.payload)
            self._pay_pong()
            self._count_control()
        elif isinstance(event, Pong) and bytes(event.payload) != self._asked:
            self._count_control()

    def _take_part(self, event: BytesMessage | TextMessage) -> None:
        data = event.data.encode() if isinstance(event, TextMessage) else event.data
        self._part_bytes += len(data)
        self._fragments += event.frame_finished
        if self._part_bytes > self._max_bytes:
            self._fail(TOO_LARGE, f"a message may have {self._max_bytes:,} bytes")
        elif self._fragments > FRAGMENTS_MAX:
            self._fail(POLICY, f"a message may come in {FRAGMENTS_MAX:,} fragments")
        else:
            self._part.write(data)
            if event.message_finished:
                self._take_whole(isinstance(event, TextMessage))

    def _take_whole(self, is_text: bool) -> None:
        data = self._part.getvalue()
        self._whole = data.decode() if is_text else data
        self._part = BytesIO()
        self._part_bytes = self._fragments = 0
        self._wanted = False
        if self._first is not None:
            self._first.cancel()
            self._first = None
        self._news.set()

    def _count_control(self) -> None:
        self._controls += 1
        if self._controls > CONTROLS_MAX:
            self._fail(POLICY, "too many pings")

    def _take_close(self, event: CloseConnection) -> None:
        state = self._conn.state
        if state is ConnectionState.REMOTE_CLOSING:
            self._write(event.response())
            self._end()
            self.transport.close()
        elif state is ConnectionState.CLOSED:
            self.transport.close()
        else:  # wsproto cannot read what came
            self._fail(int(event.code), "this is not WebSocket")
            self.transport.close()

    # -- what goes -------------------------------------------------------------------------

    def _write(self, event: Event) -> None:
        if not self.transport.is_closing():
            data = self._conn.send(event)
            self._written += len(data)
            self.transport.write(data)

    def _pay_pong(self) -> None:
        """The newest only, and when there is room: who pings without reading is owed one."""
        if self._pong is not None and self._writable.is_set() and not self._closing:
            payload, self._pong = self._pong, None
            self._write(Pong(payload=payload))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
        self._pay_pong()

    # -- the end ---------------------------------------------------------------------------

    def _close(self, code: int, reason: str) -> None:
        if not self.gone:
            self._write(CloseConnection(code=code, reason=reason))
            self._end()
            self._loop.call_soon(self._parse)  # for its answer

    def _end(self) -> None:
        """Of the conversation; the connection goes on until its end has gone both ways."""
        self._closing = True
        self._whole = None
        self._part = BytesIO()
        self._stop_timers()
        self._timer = self._loop.call_later(CLOSE_S_MAX, self.transport.abort)
        self._news.set()
        self._writable.set()

    def _fail(self, code: int, why: str) -> None:
        if not self.gone:
            log.warning(
                "a WebSocket was closed", extra={"reason": why, "code": code, "peer": self.peer}
            )
        self._close(code, why)

    def shutdown(self) -> None:
        """The listener stops. Whoever was to be told more has been, by the drain."""
        self._close(GOING_AWAY, "the server stops")
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # nobody waits for a reader that is behind
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        self._end()
        self._stop_timers()
        if not self._lost.done():
            self._lost.set_result(None)

    def _stop_timers(self) -> None:
        for timer in (self._timer, self._first):
            if timer is not None:
                timer.cancel()

    def _pulse(self) -> None:
        """Whoever took nothing of what waits for it, or answers no ping, has gone."""
        unsent = self.transport.get_write_buffer_size()
        sent = self._written - unsent
        is_stuck = unsent > 0 and self._unsent_before > 0 and sent == self._sent_before
        is_mute = self._asked is not None and not self._heard and not self._was_deaf
        if is_stuck or is_mute:
            why = "it does not read" if is_stuck else "it does not answer"
            log.info("a WebSocket was given up", extra={"reason": why, "peer": self.peer})
            self.transport.abort()
            return
        self._sent_before, self._unsent_before, self._controls = sent, unsent, 0
        self._heard, self._was_deaf = False, not self._reading
        self._asked = None
        if not unsent:
            self._pings += 1
            self._asked = self._pings.to_bytes(4)
            self._write(Ping(payload=self._asked))
        self._timer = self._loop.call_later(PULSE_S, self._pulse)
