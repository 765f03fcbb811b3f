"""One call of ProcessStream, seen from the client: counts and states, no I/O and no locks.

    opening ── StreamReady ──> open ── GoAway, an end of the frames, a fault ──> stopping ──> over

Each frame is answered once and in order, so that counts are all that is needed to know which.
"""

from __future__ import annotations

from collections.abc import Callable

from grpc import StatusCode

from framesrv.client.errors import DeadlineExceeded, broken_promise
from framesrv.client.plan import StreamPlan
from framesrv.protocol.gen import frames_pb2 as pb


class Flow:
    def __init__(self, plan: StreamPlan, clock: Callable[[], float], stall_s: float) -> None:
        self.window = plan.window
        self.batch = plan.batch
        # What happens beyond the window is the server's to decide, where a policy was named.
        self.bounded = plan.drop == "block"
        self.ready: pb.StreamReady | None = None
        self.go_away: pb.GoAway | None = None
        self.stopping = False  # no further frame may be sent
        self.half_closed = False  # and the server has been told
        self.pulling = False  # the sender is inside the program's iterable
        self.sent = 0
        self.answered = 0
        self._clock = clock
        self._stall_s = stall_s
        self._reading = False
        self._mark = clock()  # of the last progress
        self.stalled = False

    @property
    def in_flight(self) -> int:
        return self.sent - self.answered

    @property
    def drained(self) -> bool:
        """After a GoAway: every frame sent is answered, and no half-close can be hoped for soon.

        The sender sits in an iterable that blocks, so the call may be cancelled: nothing is lost.
        """
        return self.go_away is not None and not self.in_flight and self.pulling

    def room(self) -> int:
        """How many frames the next batch may have; 0: wait.

        A whole batch is waited for, so that batches do not decay into single frames.
        """
        if self.ready is None or self.stopping:
            return 0
        return self.batch if not self.bounded or self.in_flight + self.batch <= self.window else 0

    def commit(self, frames: int) -> bool:
        """Count frames as sent, unless nothing may be sent any more."""
        if self.stopping:
            return False
        if not self.in_flight:
            self._mark = self._clock()
        self.sent += frames
        return True

    def half_close(self) -> None:
        self._mark = self._clock()
        self.half_closed = True

    def take(self, message: pb.ProcessStreamResponse) -> list[pb.FrameResult]:
        """The results in a message of the server's."""
        self._mark = self._clock()
        kind = message.WhichOneof("message")
        if kind == "results":
            results = list(message.results.results)
            self.answered += len(results)
            if self.answered > self.sent:
                raise broken_promise(f"{self.answered} results came for {self.sent} frames")
            return results
        if kind == "ready":
            self._take_ready(message.ready)
        elif kind == "go_away":
            self.go_away = message.go_away
            self.stopping = True
        return []  # what a newer server may send besides is not for us

    def _take_ready(self, ready: pb.StreamReady) -> None:
        self.ready = ready
        self.window = min(self.window, ready.max_in_flight_frames or self.window)
        self.batch = min(self.batch, self.window, ready.max_batch_frames or self.batch)

    # Stalls: the server owes something, the program waits for it, and nothing comes.

    def read_begins(self) -> None:
        self._reading = True
        self._mark = self._clock()

    def read_ended(self) -> None:
        self._reading = False

    def patience_s(self) -> float:
        """The seconds until the server is given up, if nothing changes; 0: now."""
        if not self._reading or not (self.in_flight or self.ready is None or self.half_closed):
            return self._stall_s
        return max(0.0, self._mark + self._stall_s - self._clock())

    def stall(self) -> DeadlineExceeded:
        """What a stalled call failed of."""
        owed = "results" if self.in_flight else "the end" if self.ready else "StreamReady"
        return DeadlineExceeded(
            StatusCode.DEADLINE_EXCEEDED,
            "",
            f"no answer on the stream for {self._stall_s:g} s, while {owed} should come",
            "is the server alive? timeout_s is the client's patience",
        )
