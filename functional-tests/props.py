"""What the tests here share: a server as a process, a stock client, pictures."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import grpc
import numpy as np
import numpy.typing as npt
from google.rpc.error_details_pb2 import (  # type: ignore[import-untyped]
    ErrorInfo,
    RetryInfo,
)
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

HERE = Path(__file__).parent
PATIENCE_S = 60.0
Pixels = npt.NDArray[Any]
PROCESSORS = [f"{name}=tricks:{name}" for name in ("gate", "nothing", "fails", "fatal")]
_OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.use_local_subchannel_pool", 1)]


class Running:
    """A server that was started, and what it says of itself."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self._log = log
        assert process.stdout is not None
        self.ready = process.stdout.readline()
        if not self.ready.startswith("ready "):
            process.wait(PATIENCE_S)
            raise AssertionError(f"the server did not start:\n{self.log()}")
        self.addresses = self.ready.split()[1].split(",")
        self.address = self.addresses[0]
        self._asking = threading.Lock()

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def stats(self) -> dict[str, Any]:
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        with self._asking:
            process.stdin.write("\n")
            process.stdin.flush()
            found: dict[str, Any] = json.loads(process.stdout.readline())
        return found

    def until(
        self, holds: Callable[[dict[str, Any]], object], patience_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """What the server says once this holds of it."""
        end = time.monotonic() + patience_s
        while not holds(found := self.stats()):
            assert time.monotonic() < end, found
            threading.Event().wait(0.02)
        return found

    def settled(self) -> dict[str, Any]:
        """Every lease is home, nothing is in flight, no stream is open."""
        self.until(lambda s: s["admitted"] == [0, 0] and not s["calls"])
        return self.until(_home, 5)

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        return self.process.wait(PATIENCE_S)

    @property
    def rss_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    @property
    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


def _home(stats: dict[str, Any]) -> bool:
    return not stats["leased"] and not stats["quarantined"] and not stats["streams"]


@contextlib.contextmanager
def serving(
    folder: Path, *, env: dict[str, str] | None = None, quiet: bool = True, **settings: Any
) -> Iterator[Running]:
    """A server. At the end it must be at rest, end with 0 when told to, and, if ``quiet``, have
    logged no error."""
    settings.setdefault("processors", PROCESSORS)
    log = folder / f"server-{time.monotonic_ns()}.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "stage.py"), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **(env or {})},
        )
    with process:
        try:
            server = Running(process, log)
            try:
                yield server
                if process.poll() is None:
                    server.settled()
            finally:
                if process.poll() is None:
                    server.terminate()
            assert server.wait() == 0, server.log()
            if quiet:
                assert "Traceback" not in server.log(), server.log()
        finally:
            if process.poll() is None:
                process.kill()


def channel(address: str, *options: tuple[str, Any]) -> grpc.Channel:
    """One of its own connection: stock channels to the same address share theirs."""
    return grpc.insecure_channel(address, options=[*_OPTIONS, *options])


@contextlib.contextmanager
def connected(address: str) -> Iterator[FrameServiceStub]:
    with channel(address) as line:
        yield stub_of(line)


def stub_of(line: grpc.Channel) -> FrameServiceStub:
    return FrameServiceStub(line)  # type: ignore[no-untyped-call]


def dice(seed: object) -> random.Random:
    """Chance that comes out the same every time."""
    return random.Random(str(seed))  # noqa: S311 - nobody is to be kept from guessing


def bytes_call(line: grpc.Channel, method: str) -> Callable[..., Any]:
    """A unary call of bytes as they are."""
    call: Callable[..., Any] = line.unary_unary(f"/framesrv.v1.FrameService/{method}")
    return call


def bytes_stream(line: grpc.Channel) -> Callable[..., Any]:
    call: Callable[..., Any] = line.stream_stream("/framesrv.v1.FrameService/ProcessStream")
    return call


# -- errors ------------------------------------------------------------------------------------


class Told(NamedTuple):
    """An error as a client sees it."""

    code: str
    reason: str
    message: str
    retries: bool


def of_call(error: grpc.RpcError) -> Told:
    reason, retries = "", False
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key != "grpc-status-details-bin":
            continue
        status = Status.FromString(value)
        assert status.code == error.code().value[0]
        assert status.message == error.details()
        for detail in status.details:
            info, retry = ErrorInfo(), RetryInfo()
            if detail.Unpack(info):
                assert info.domain == "framesrv"
                reason = info.reason
            elif detail.Unpack(retry):
                retries = retry.retry_delay.ToNanoseconds() > 0
    return Told(error.code().name, reason, error.details() or "", retries)


_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def of_frame(result: pb.FrameResult) -> Told:
    error = result.error
    retries = error.HasField("retry_after") and error.retry_after.ToNanoseconds() > 0
    return Told(_CODE_NAMES[error.code], error.reason, error.message, retries)


def refusal(call: Callable[[], Any]) -> Told:
    """The error with which the call ends."""
    try:
        call()
    except grpc.RpcError as error:
        return of_call(error)
    raise AssertionError("the call was not refused")


# -- streams -----------------------------------------------------------------------------------


class Stream:
    """A ProcessStream call of a stock client."""

    def __init__(self, stub: FrameServiceStub, **config: Any) -> None:
        self._requests: queue.SimpleQueue[pb.ProcessStreamRequest | None] = queue.SimpleQueue()
        self.call = stub.ProcessStream(iter(self._requests.get, None), timeout=PATIENCE_S)
        if config.pop("opened", True):
            self.open(**config)

    def open(self, **config: Any) -> None:
        self.send(pb.ProcessStreamRequest(open=pb.StreamConfig(**config)))

    def send(self, message: pb.ProcessStreamRequest) -> None:
        self._requests.put(message)

    def batch(self, *frames: pb.Frame) -> None:
        self.send(pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=frames)))

    def half_close(self) -> None:
        self._requests.put(None)

    def read(self) -> pb.ProcessStreamResponse:
        message: pb.ProcessStreamResponse = next(self.call)
        return message

    def ready(self) -> pb.StreamReady:
        message = self.read()
        assert message.WhichOneof("message") == "ready"
        return message.ready

    def results(self, count: int) -> list[pb.FrameResult]:
        """So many results, and no more may have come with them."""
        found: list[pb.FrameResult] = []
        while len(found) < count:
            message = self.read()
            assert message.WhichOneof("message") == "results", message
            found += message.results.results
        assert len(found) == count
        return found

    def rest(self) -> list[pb.ProcessStreamResponse]:
        """All messages until the call ends with OK."""
        return list(self.call)


def results_of(messages: Sequence[pb.ProcessStreamResponse]) -> list[pb.FrameResult]:
    return [result for message in messages for result in message.results.results]


# -- pictures ----------------------------------------------------------------------------------


def picture(width: int = 64, height: int = 48, seed: int = 0) -> Pixels:
    """Smooth, so that encoding changes little."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def coded(pixels: Pixels, kind: str = ".jpg") -> bytes:
    ok, data = cv2.imencode(kind, pixels)
    assert ok
    return data.tobytes()


def encoded(data: bytes, sequence: int = 0, **fields: Any) -> pb.Frame:
    return pb.Frame(sequence=sequence, encoded=pb.EncodedImage(data=data), **fields)


def raw(
    data: bytes, width: int, height: int, form: Any, stride: int = 0, **fields: Any
) -> pb.Frame:
    layout = pb.ImageLayout(width=width, height=height, format=form, row_stride_bytes=stride)
    return pb.Frame(raw=pb.RawImage(layout=layout, data=data), **fields)


def as_it_is(encoding: Any = pb.ENCODING_RAW, *ops: pb.Op) -> pb.Pipeline:
    return pb.Pipeline(
        outputs=[pb.Output(name="out", ops=ops, encoding=encoding)],
        decode_mode=pb.DECODE_MODE_EXACT,
    )


def custom(processor: str, **options: str) -> pb.Op:
    return pb.Op(custom=pb.Custom(processor=processor, options=options))


class Gate:
    """Holds every worker that comes to it, until it is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / f"gate-{time.monotonic_ns()}"
        self.folder.mkdir()

    @property
    def pipeline(self) -> pb.Pipeline:
        return as_it_is(pb.ENCODING_JPEG, custom("gate", here=str(self.folder)))

    def entered(self) -> int:
        return len(list(self.folder.glob("in-*")))

    def wait_for(self, count: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.entered() < count:
            assert time.monotonic() < end, "no worker came to the gate"
            threading.Event().wait(0.005)

    def open(self) -> None:
        (self.folder / "open").touch()
