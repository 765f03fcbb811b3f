"""Connections that send prepared bytes, and the one loop that drives all of them.

Each is as cheap as it can be made, opened before the clock starts and kept open.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import count
from time import perf_counter
from typing import IO, Any, Final

import cv2
import grpc
import numpy as np

from benchmarks.peers.thumbor_files import PATH
from benchmarks.serving import load
from benchmarks.serving.load import Tally
from framesrv.protocol.gen import frames_pb2 as pb

CONNECTIONS: Final = 4
_WAIT_S: Final = 30.0
_JPEG_STARTS: Final = b"\xff\xd8"
_NUMBERS: Final = count()  # channels of the same options would share a connection
Ask = Callable[[int], bytes]  # the number of a turn to the JPEG that came back
Connect = Callable[[int, Sequence[bytes]], AbstractContextManager[Ask]]  # to a port of loopback


class WrongAnswer(Exception):
    """The server answered, but not with the frame."""


@contextmanager
def over_grpc(port: int, frames: Sequence[bytes]) -> Iterator[Ask]:
    messages = load.batches(load.encoded(frames), 1)
    with load.channel(f"127.0.0.1:{port}", next(_NUMBERS)) as link:
        grpc.channel_ready_future(link).result(_WAIT_S)
        send: Any = link.unary_unary(load.BATCH)

        def ask(turn: int) -> bytes:
            answer = send(messages[turn % len(messages)], timeout=_WAIT_S)
            result = pb.ProcessBatchResponse.FromString(answer).results[0]
            if result.status != pb.FRAME_STATUS_OK:
                raise WrongAnswer(f"status {result.status}")
            return bytes(result.outputs[0].data)

        yield ask


def posted(path: str) -> Connect:
    """The frame is the body of a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"

    def connect(port: int, frames: Sequence[bytes]) -> AbstractContextManager[Ask]:
        messages = [f"{head}Content-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg for jpeg in frames]
        return _over_http(port, messages)

    return connect


def fetched(port: int, frames: Sequence[bytes]) -> AbstractContextManager[Ask]:
    """The frame is named in the path: the server has it already."""
    messages = [
        f"GET {PATH.format(number=number)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for number in range(len(frames))
    ]
    return _over_http(port, messages)


@contextmanager
def _over_http(port: int, messages: Sequence[bytes]) -> Iterator[Ask]:
    with ExitStack() as opened:
        link, answers = _dialled(port, opened)

        def ask(turn: int) -> bytes:
            nonlocal link, answers
            message = messages[turn % len(messages)]
            link.sendall(message)
            status = answers.readline()
            if not status:  # a proxy lost its own connection: as browsers do, once more
                link, answers = _dialled(port, opened)
                link.sendall(message)
                status = answers.readline()
            return _body(status, answers)

        yield ask


def _dialled(port: int, opened: ExitStack) -> tuple[socket.socket, IO[bytes]]:
    link = opened.enter_context(socket.create_connection(("127.0.0.1", port), _WAIT_S))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return link, opened.enter_context(link.makefile("rb"))


def _body(status: bytes, answers: IO[bytes]) -> bytes:
    length = None
    while (line := answers.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if b" 200 " not in status or length is None:
        raise WrongAnswer(status.decode("latin-1").strip() or "connection closed")
    return answers.read(length)


@contextmanager
def over_zmq(port: int, frames: Sequence[bytes]) -> Iterator[Ask]:
    """What imagezmq's ImageSender does, with a time limit and without its array of the reply."""
    import zmq

    with zmq.Context() as context, context.socket(zmq.REQ) as link:
        link.setsockopt(zmq.LINGER, 0)
        link.setsockopt(zmq.RCVTIMEO, int(_WAIT_S * 1000))
        link.connect(f"tcp://127.0.0.1:{port}")

        def ask(turn: int) -> bytes:
            link.send_json({"msg": "frame"}, flags=zmq.SNDMORE)
            link.send(frames[turn % len(frames)], copy=False)
            return bytes(link.recv())

        yield ask


def check(jpeg: bytes) -> None:
    """The whole answer, decoded: what a peer is asked once."""
    pixels: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if not jpeg.startswith(_JPEG_STARTS) or pixels is None or pixels.shape != (320, 320, 3):
        raise WrongAnswer(f"{len(jpeg)} bytes that are not a JPEG of 320x320")


def closed_loop(connect: Connect, port: int, frames: Sequence[bytes], calls: int) -> Tally:
    """One call after the other on each connection; ``calls`` in all."""
    tally = Tally()
    lock = threading.Lock()
    turns = iter(range(calls))
    errors: list[BaseException] = []
    together = threading.Barrier(CONNECTIONS + 1)

    def one() -> None:
        try:
            with connect(port, frames) as ask:
                together.wait(_WAIT_S)
                while True:
                    with lock:
                        turn = next(turns, None)
                    if turn is None:
                        return
                    began = perf_counter()
                    answer = ask(turn)
                    took = perf_counter() - began
                    with lock:
                        tally.frames += 1
                        tally.failed += not answer.startswith(_JPEG_STARTS)
                        tally.seconds.append(took)
        except BaseException as error:
            errors.append(error)
            together.abort()

    with ExitStack() as joined:
        for _ in range(CONNECTIONS):
            thread = threading.Thread(target=one)
            thread.start()
            joined.callback(thread.join)
        with suppress(threading.BrokenBarrierError):  # what broke it is raised below
            together.wait(_WAIT_S)
        began = perf_counter()
    tally.elapsed_s = perf_counter() - began
    if errors:
        raise next(
            (e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0]
        )
    tally.check()
    return tally
