"""A stock WebSocket client, speaking the contract: the calls of a browser without a browser.

Run as a program, it says what a frame costs the server over WebSocket, and over gRPC beside it.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import websocket
from pictures import coded, encoded, picture
from props import PATIENCE_S
from server_process import ServerProcess, running_server
from stock_client import Stream, connected

from framesrv.protocol.gen import frames_pb2 as pb

PROCESS: Final = "/ws/process"
SUBSCRIBE: Final = "/ws/subscribe"
_TEXT, _BINARY, _CLOSE = 1, 2, 8


class WebCall:
    """One call. Its messages are those of the contract; its end is a text and a close code."""

    def __init__(self, line: websocket.WebSocket) -> None:
        self.line = line
        self.status: dict[str, Any] = {}
        self.close_code = 0

    def open(self, **config: Any) -> pb.StreamReady:
        self.send(pb.ProcessStreamRequest(open=pb.StreamConfig(**config)))
        message = self.read()
        assert message is not None, self.status
        assert message.WhichOneof("message") == "ready"
        return message.ready

    def send(self, message: pb.ProcessStreamRequest | pb.SubscribeRequest | bytes) -> None:
        data = message if isinstance(message, bytes) else message.SerializeToString()
        self.line.send_binary(data)

    def batch(self, *frames: pb.Frame) -> None:
        self.send(pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)))

    def half_close(self) -> None:
        self.line.send("")

    def next(self) -> bytes | None:
        """None: the call has ended, and this is its status."""
        while True:
            opcode, data = self.line.recv_data()
            if opcode == _BINARY:
                assert not self.status, "a message after the status"
                return bytes(data)
            if opcode == _TEXT:
                self.status = json.loads(data)
            elif opcode == _CLOSE:
                self.close_code = int.from_bytes(data[:2])
                return None

    def read(self) -> pb.ProcessStreamResponse | None:
        data = self.next()
        return None if data is None else pb.ProcessStreamResponse.FromString(data)

    def news(self) -> pb.SubscribeResponse | None:
        data = self.next()
        return None if data is None else pb.SubscribeResponse.FromString(data)

    def results(self, count: int) -> list[pb.FrameResult]:
        found: list[pb.FrameResult] = []
        while len(found) < count:
            message = self.read()
            assert message is not None, self.status
            found += message.results.results
        return found

    def rest(self) -> list[pb.FrameResult]:
        """All that is still answered, until the call ends."""
        found: list[pb.FrameResult] = []
        while (message := self.read()) is not None:
            found += message.results.results
        return found

    @property
    def ended(self) -> tuple[int, str, int]:
        """Code and reason of the status, and the close code."""
        return self.status["code"], self.status["reason"], self.close_code


@contextmanager
def web_call(server: ServerProcess, path: str = PROCESS, **more: Any) -> Iterator[WebCall]:
    line = websocket.create_connection(
        f"ws://{server.http_address}{path}", timeout=PATIENCE_S, **more
    )
    try:
        yield WebCall(line)
    finally:
        line.shutdown()  # type: ignore[no-untyped-call] # its socket, and nothing is said: close() does that


def main(frames: int = 1000, rounds: int = 5) -> None:
    with running_server("--websocket") as server, connected(server.grpc_address) as stub:
        frame = encoded(coded(picture(1280, 720)))
        spent: dict[str, list[float]] = {"gRPC": [], "WebSocket": []}
        for _ in range(rounds):
            stream = Stream(stub)
            stream.ready()
            spent["gRPC"].append(_spent_s(server, frames, stream, frame))
            stream.half_close()
            stream.rest()
            with web_call(server) as call:
                call.open()
                spent["WebSocket"].append(_spent_s(server, frames, call, frame))
        micros = {name: statistics.median(found) / frames * 1e6 for name, found in spent.items()}
        told = ", ".join(f"{name} {each:,.0f}" for name, each in micros.items())
        ratio = micros["WebSocket"] / micros["gRPC"]
        print(f"the server's CPU a frame of 1280x720, in microseconds: {told}; {ratio:.2f} x")


def _spent_s(server: ServerProcess, frames: int, call: WebCall | Stream, frame: pb.Frame) -> float:
    before_s = _cpu_s(server)
    for _ in range(frames):
        call.batch(frame)
        call.results(1)
    return _cpu_s(server) - before_s


def _cpu_s(server: ServerProcess) -> float:
    stat = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii")
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
