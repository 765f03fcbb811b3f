"""One call of ProcessStream in the sync client, and the two threads beside the program's own.

gRPC has a thread for each such call that asks for the next request; the program's iterable is
pulled in it. So a camera that blocks delays no result, an iterable may wait for results of its
own earlier frames, and no further thread is needed to send. The second thread sleeps until an
answer is overdue.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import grpc

from framesrv.client.calls import Settings
from framesrv.client.flow import Flow
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits
from framesrv.client.source import Batch, Gatherer
from framesrv.protocol.gen import frames_pb2 as pb

StreamCall = Callable[[Iterator[bytes]], Any]  # grpc names no class for a call that is iterated


class Source(Gatherer):
    """The program's iterable, pulled by one call's thread at a time."""

    def __init__(self, frames: Iterable[FrameLike], limits: Limits) -> None:
        super().__init__(limits)
        self.iterator = iter(frames)
        self._lock = threading.Lock()

    def gather(self, talk: Talk) -> bytes | None:
        """The next message, or None if there is none or it may not be sent any more."""
        with self._lock:
            batch = Batch(talk.flow.batch, self.limits)
            self._fill(batch, talk.flow)
            if batch.frames and talk.commit(len(batch.frames)):
                return batch.message()
            self.keep(batch.frames)
            return None

    def _fill(self, batch: Batch, flow: Flow) -> None:
        try:
            while not (batch.full or flow.stopping):
                if self.kept:
                    frame = self.kept.popleft()
                elif self.ended:
                    return
                else:
                    frame = self.encode(next(self.iterator))
                if not batch.add(frame):
                    self.keep([frame])
                    return
        except StopIteration:
            self.ended = True
        except BaseException as fault:  # raised in the program's own thread
            self.ended = True
            self.fault = fault


class Talk:
    def __init__(
        self,
        start: StreamCall,
        opening: bytes,
        *,
        flow: Flow,
        source: Source,
        settings: Settings,
    ) -> None:
        self.flow = flow
        self._settings = settings
        self._changed = threading.Condition(threading.Lock())
        self._over = threading.Event()
        self._call = start(self._requests(opening, source))
        self._watch = threading.Thread(target=self._watching, name="framesrv-stall", daemon=True)
        self._watch.start()
        if not self._call.add_callback(self.stop):
            self.stop()  # it is over already

    # In gRPC's thread.

    def _requests(self, opening: bytes, source: Source) -> Iterator[bytes]:
        yield opening
        while self._wait_for_room() and (message := source.gather(self)) is not None:
            with self._changed:
                self.flow.pulling = False
            yield message
        with self._changed:
            self.flow.pulling = False
            self.flow.half_close()

    def _wait_for_room(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self.flow.stopping or self.flow.room())
            self.flow.pulling = not self.flow.stopping
            return self.flow.pulling

    def commit(self, frames: int) -> bool:
        with self._changed:
            return self.flow.commit(frames)

    # In the program's thread.

    def read(self) -> pb.ProcessStreamResponse | None:
        """The next message; None at the end of the call."""
        with self._changed:
            self.flow.read_begins()
        try:
            message: pb.ProcessStreamResponse = next(self._call)
            return message
        except StopIteration:
            return None
        except grpc.RpcError as error:
            stalled = self.flow.stalled
            raise (self.flow.stall() if stalled else self._settings.failed(error)) from None
        finally:
            with self._changed:
                self.flow.read_ended()

    def take(self, message: pb.ProcessStreamResponse) -> list[pb.FrameResult]:
        with self._changed:
            results = self.flow.take(message)
            self._changed.notify_all()
            return results

    @property
    def drained(self) -> bool:
        with self._changed:
            return self.flow.drained

    def stop(self) -> None:
        """Send nothing more."""
        with self._changed:
            self.flow.stopping = True
            self._changed.notify_all()

    def close(self) -> None:
        """End the call at once, wherever it is. More than once does no harm."""
        self.stop()
        self._over.set()
        self._call.cancel()

    def join(self) -> None:
        if threading.current_thread() is not self._watch:
            self._watch.join()

    # In the thread that looks for stalls.

    def _watching(self) -> None:
        while not self._over.is_set():
            with self._changed:
                patience_s = self.flow.patience_s()
                self.flow.stalled = patience_s <= 0
            if self.flow.stalled:
                self._call.cancel()
                return
            self._over.wait(patience_s)
