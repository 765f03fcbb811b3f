"""A session against a model: whatever comes, in whatever order, each frame is answered once.

The engine here is moved by the test: it begins and ends tasks when told to, refuses when full.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from framesrv.engine.task import Task
from framesrv.errors import Reason, Refused
from framesrv.streams.order import Entry
from framesrv.streams.session import DropPolicy, Session, split


class Frame:
    payload = None

    def __init__(self, number: int) -> None:
        self.number = number

    def into(self, record: Any) -> None:
        raise NotImplementedError


class Answer:
    def add(self, report: Any) -> None:
        raise NotImplementedError

    finish: Callable[[], None]


class HandEngine:
    """Begins and ends tasks in the order in which they came, when the test says so."""

    workers = 2

    def __init__(self, room: int) -> None:
        self.room = room
        self.queue: deque[Task] = deque()
        self.running: list[Task] = []
        self.waiting: list[Callable[[], None]] = []

    @property
    def frames(self) -> int:
        return sum(len(task.frames) for task in [*self.queue, *self.running])

    def submit(self, tasks: Sequence[Task]) -> None:
        coming = sum(len(task.frames) for task in tasks)
        if self.frames and self.frames + coming > self.room:
            raise Refused(Reason.QUEUE_FULL, "full", 0.1)
        self.queue.extend(tasks)

    def when_room(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)

    def begin(self) -> None:
        task = self.queue.popleft()
        task.begun = True
        self.running.append(task)

    def end(self, number: int) -> None:
        self.running.pop(number).done()
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            call()


class Maker:
    """Messages that say which frames they answer, and how."""

    session: Session

    def task(self, entry: Entry, received_ns: int, received_at_ns: int) -> Task:
        task: Task

        def done() -> None:
            how = str(task.drop) if task.drop else "ok"
            self.session.finished(entry, [self.message(entry, how)])

        plan: Any = None
        answer: Any = None
        task = Task(
            plan, entry.frames, answer, done, request_id="r", received_ns=1, received_at_ns=1
        )
        return task

    def refusal(self, entry: Entry, refused: Refused, received_at_ns: int) -> list[bytes]:
        return [self.message(entry, str(refused.reason))]

    @staticmethod
    def message(entry: Entry, how: str) -> bytes:
        frames: Any = entry.frames
        return "\n".join(f"{frame.number} {how}" for frame in frames).encode()


class Machine(RuleBasedStateMachine):
    taken = Bundle("taken")

    @initialize(
        policy=st.sampled_from([DropPolicy.BLOCK, DropPolicy.OLDEST, DropPolicy.NEWEST]),
        window=st.integers(1, 6),
        room=st.integers(1, 8),
    )
    def start(self, policy: DropPolicy, window: int, room: int) -> None:
        self.engine = HandEngine(room)
        self.maker = Maker()
        self.policy = policy
        self.session = Session(
            self.engine,
            self.maker,
            policy=policy,
            window=window,
            when_room=lambda: self.engine.when_room(self.session.room),
        )
        self.maker.session = self.session
        self.sent = 0
        self.written: list[tuple[int, str]] = []
        self.in_writing: deque[Entry] = deque()
        self.refused_from: int | None = None

    @precondition(lambda self: self.session.may_read())
    @rule(count=st.integers(0, 9))
    def offer(self, count: int) -> None:
        frames = [Frame(self.sent + number) for number in range(count)]
        self.sent += count
        self.session.offer(frames, 1, 1)

    @precondition(lambda self: self.engine.queue)
    @rule()
    def begin(self) -> None:
        self.engine.begin()

    @precondition(lambda self: self.engine.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.engine.end(data.draw(st.integers(0, len(self.engine.running) - 1)))

    @rule()
    def take(self) -> None:
        if (entry := self.session.next_answer()) is not None:
            self.in_writing.append(entry)

    @precondition(lambda self: self.in_writing)
    @rule()
    def write(self) -> None:
        entry = self.in_writing.popleft()
        for message in entry.messages or ():
            for line in message.decode().splitlines():
                number, how = line.split()
                self.written.append((int(number), how))
        self.session.written(entry)

    @rule()
    def drain(self) -> None:
        if not self.session.draining:
            self.session.draining = True
            self.refused_from = self.sent

    @invariant()
    def answered_once_and_in_order(self) -> None:
        if hasattr(self, "session"):
            assert [number for number, _ in self.written] == list(range(len(self.written)))

    @invariant()
    def engine_within_window(self) -> None:
        if hasattr(self, "session"):
            window = self.session.window
            most = window if self.policy is DropPolicy.BLOCK else 2 * window
            assert self.engine.frames <= max(most, 9), "a batch may be admitted whole when alone"

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        for _ in range(10 * (self.sent + 1)):
            while self.engine.queue:
                self.begin()
            while self.engine.running:
                self.engine.end(0)
            self.take()
            while self.in_writing:
                self.write()
        assert [number for number, _ in self.written] == list(range(self.sent))
        assert self.session.idle
        assert self.session.in_flight == 0
        assert self.session.may_read()
        self._check_how()

    def _check_how(self) -> None:
        for number, how in self.written:
            late = self.refused_from is not None and number >= self.refused_from
            assert (how == "DRAINING") == late
            if self.policy is DropPolicy.BLOCK:
                assert how in ("ok", "DRAINING")


TestSession = Machine.TestCase


def test_the_freshest_frame_wins_under_oldest() -> None:
    machine = Machine()
    machine.start(DropPolicy.OLDEST, 2, 100)
    machine.offer(2)
    machine.begin()  # frame 0 is being done, frame 1 waits
    machine.offer(1)
    machine.teardown()
    assert machine.written == [(0, "ok"), (1, "DROPPED_BY_POLICY"), (2, "ok")]


def test_what_is_queued_wins_under_newest() -> None:
    machine = Machine()
    machine.start(DropPolicy.NEWEST, 2, 100)
    machine.offer(3)
    machine.teardown()
    assert machine.written == [(0, "ok"), (1, "ok"), (2, "DROPPED_BY_POLICY")]


def test_a_client_that_does_not_read_is_not_read_from() -> None:
    for policy in (DropPolicy.OLDEST, DropPolicy.NEWEST):
        machine = Machine()
        machine.start(policy, 2, 100)
        machine.offer(9)  # seven are dropped at once, and nobody takes the answers
        assert not machine.session.may_read()
        machine.teardown()


def test_a_frame_that_waits_for_the_engine_outlives_the_refusals_behind_it() -> None:
    machine = Machine()
    machine.start(DropPolicy.NEWEST, 4, 3)
    machine.offer(3)  # all that the engine takes
    machine.offer(9)  # one waits; eight answers stand behind it
    machine.teardown()
    assert [how for _, how in machine.written] == ["ok"] * 4 + ["DROPPED_BY_POLICY"] * 8


def test_a_full_engine_does_not_stop_the_reading_of_a_stream_that_drops() -> None:
    machine = Machine()
    machine.start(DropPolicy.OLDEST, 2, 1)
    machine.offer(1)
    machine.begin()
    machine.offer(1)  # no room in the engine
    assert machine.session.may_read()
    machine.offer(1)  # fresher: takes its place
    machine.teardown()
    assert machine.written == [(0, "ok"), (1, "DROPPED_BY_POLICY"), (2, "ok")]


def test_of_what_the_engine_does_not_take_only_little_is_kept() -> None:
    """Each frame that waits outside keeps its message, and no cap of the engine's counts it."""
    for policy, kept in ((DropPolicy.OLDEST, [18, 19]), (DropPolicy.NEWEST, [1, 2])):
        machine = Machine()
        machine.start(policy, 64, 1)
        machine.offer(1)
        machine.begin()
        for _ in range(19):
            machine.offer(1)
        assert sum(len(entry.frames) for entry in machine.session._order) == 3
        machine.teardown()
        assert [number for number, how in machine.written if how == "ok"] == [0, *kept]


def test_a_batch_larger_than_the_window_is_admitted_whole() -> None:
    machine = Machine()
    machine.start(DropPolicy.BLOCK, 2, 100)
    machine.offer(9)
    assert [len(task.frames) for task in machine.engine.queue] == [5, 4]
    machine.offer(1)
    assert len(machine.engine.queue) == 2
    assert not machine.session.may_read()
    machine.teardown()


def test_nothing_is_begun_for_a_client_that_is_gone() -> None:
    machine = Machine()
    machine.start(DropPolicy.BLOCK, 4, 100)
    machine.offer(4)
    machine.offer(4)
    machine.session.abandon()
    assert {task.drop for task in machine.engine.queue} == {Reason.CLIENT_GONE}
    while machine.engine.queue:
        machine.engine.begin()
    while machine.engine.running:
        machine.engine.end(0)
    assert not machine.engine.queue, "what waited for the window was not submitted"


def test_pieces_are_even_and_in_order() -> None:
    frames: Any = list(range(25))
    assert split(frames, 2) == [frames[:13], frames[13:]]
    assert split(frames[:1], 4) == [frames[:1]]
