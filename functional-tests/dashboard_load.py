"""Cameras for a dashboard to look at: streams of a stock client that go on until they are told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from math import sin
from typing import Any, Final

from pictures import coded, encoded, picture
from server_process import ServerProcess
from stock_client import connected

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

_PATIENCE_S: Final = 900.0


class Camera:
    """Sends a frame so many times a second, and reads all answers."""

    def __init__(self, stub: FrameServiceStub, frame: pb.Frame, fps: float, **config: Any) -> None:
        self.answered = 0
        self._stop = threading.Event()
        self._config, self._frame, self._fps = config, frame, fps
        self.call = stub.ProcessStream(self._requests(), timeout=_PATIENCE_S)
        self._reader = threading.Thread(target=self._read, name="camera")
        self._reader.start()

    def _requests(self) -> Iterator[pb.ProcessStreamRequest]:
        yield pb.ProcessStreamRequest(open=pb.StreamConfig(**self._config))
        while not self._stop.wait(1 / self._fps):
            yield pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[self._frame]))

    def _read(self) -> None:
        for message in self.call:
            self.answered += len(message.results.results)

    def stop(self) -> None:
        """Everything that was sent is answered when this returns."""
        self._stop.set()
        self._reader.join(_PATIENCE_S)


@contextmanager
def cameras(
    stub: FrameServiceStub, frame: pb.Frame, fps_by_id: dict[str, float], **config: Any
) -> Iterator[list[Camera]]:
    with ExitStack() as all_of_them:
        found = []
        for stream_id, fps in fps_by_id.items():
            found.append(Camera(stub, frame, fps, stream_id=stream_id, **config))
            all_of_them.callback(found[-1].stop)
        yield found


@contextmanager
def busy(server: ServerProcess, every_s: float) -> Iterator[None]:
    """A day at work: cameras, batches whose number rises and falls, and now and then too many at
    once, or one that is broken."""
    over = threading.Event()
    with connected(server.grpc_address) as stub:
        frame = encoded(coded(picture(1280, 720)))
        published = {"front-door": 30.0, "loading-dock": 25.0}
        others = {"lift-2": 15.0, "yard/north": 12.5, "yard/south": 8.0}
        batches = threading.Thread(target=_batches, args=(stub, frame, over, every_s))
        with (
            cameras(stub, frame, published, publish=True),
            cameras(stub, frame, others),
            cameras(stub, encoded(b"junk"), {"gate-7": 2 / every_s}),
        ):
            batches.start()
            try:
                yield
            finally:
                over.set()
                batches.join(_PATIENCE_S)


def _batches(
    stub: FrameServiceStub, frame: pb.Frame, over: threading.Event, every_s: float
) -> None:
    few = pb.ProcessBatchRequest(request_id="nightly-import", frames=[frame] * 16)
    many = pb.ProcessBatchRequest(request_id="all-at-once", frames=[frame] * 64)
    pause_s = 0.25
    for number in count(1):
        if over.wait(pause_s):
            return
        is_rush = number % round(every_s / pause_s) == round(every_s / pause_s) // 2
        wanted = [many] * 24 if is_rush else [few] * round(2.2 + 1.8 * sin(number / 90))
        calls = [stub.ProcessBatch.future(batch, timeout=_PATIENCE_S) for batch in wanted]
        for call in calls:
            call.exception()  # waits; some are refused, which is what is to be seen
