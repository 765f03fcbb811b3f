"""Admission by time: bursts are taken on, and a lasting overload keeps its queue short."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.engine import EngineSettings, Task
from framesrv.engine.admission import Admission
from framesrv.engine.pressure import Pressure
from framesrv.errors import Reason, Refused
from framesrv.ops.resize import Resize
from framesrv.pipeline.pace import Pace
from framesrv.pipeline.spec import OutputSpec, PipelineSpec
from tests.engine.rigs import Incoming, jpeg, rig


def settings(**others: Any) -> EngineSettings:
    return EngineSettings(workers=2, **{"max_wait_s": 0.5, "overload_wait_s": 0.05} | others)


def filled(wait_s: float, tasks: int = 20, **others: Any) -> Pressure:
    """Tasks in flight that keep two workers busy for so long."""
    pressure = Pressure(settings(**others))
    pressure.enter(tasks, wait_s * 2)
    return pressure


def test_a_burst_is_taken_on_up_to_the_longest_wait() -> None:
    assert filled(0.49).refuses() is None
    assert filled(0.51).refuses() == pytest.approx(0.51)
    assert filled(1e6, max_wait_s=0).refuses() is None


def test_while_most_calls_are_refused_the_queue_is_kept_short() -> None:
    pressure = filled(0.51)
    for _ in range(40):
        assert pressure.refuses()
    for _ in range(9):
        pressure.leave(0.1)  # a queue of 0.06 s is left
    assert pressure.refuses(), "what would have been a burst is an overload now"
    for _ in range(3):
        pressure.leave(0.01)
    for _ in range(40):
        assert pressure.refuses() is None
    pressure.enter(1, 0.9)
    assert pressure.refuses() is None, "most calls were let in again"


def test_a_refusal_now_and_then_is_no_overload() -> None:
    """Clients that send as soon as they are answered, a few too many of them."""
    pressure = filled(0.4)
    for _ in range(100):
        pressure.enter(1, 0.3)
        assert pressure.refuses()
        pressure.leave(0.3)
        assert pressure.refuses() is None
        assert pressure.refuses() is None


def test_workers_have_a_next_task_however_long_tasks_are() -> None:
    assert filled(60.0, tasks=3).refuses() is None
    assert filled(60.0, tasks=4).refuses()


@given(st.lists(st.floats(0, 1e3), max_size=30))
def test_what_has_left_leaves_nothing_behind(works: list[float]) -> None:
    pressure = Pressure(settings())
    for work_s in works:
        pressure.enter(1, work_s)
    for work_s in works:
        pressure.leave(work_s)
    pressure.enter(4, 1.0 - 1e-9)
    assert pressure.refuses() is None


def some_task(work_s: float, *, patient: bool) -> Task:
    plan: Any = None
    answer: Any = None
    task = Task(
        plan, [Incoming(b"x")], answer, lambda: None,
        request_id="r", received_ns=1, received_at_ns=1, patient=patient,
    )  # fmt: skip
    task.work_s = work_s
    return task


def test_streams_neither_feel_the_pressure_nor_make_it() -> None:
    admission = Admission(settings())
    for _ in range(10):
        admission.enter([some_task(1.0, patient=True)])
    for _ in range(4):
        admission.enter([some_task(1.0, patient=False)])
    with pytest.raises(Refused, match=r"take 2\.00 s; send again later") as refusal:
        admission.enter([some_task(1.0, patient=False)])
    assert (refusal.value.reason, refusal.value.retry_after_s) == (Reason.QUEUE_FULL, 2.0)
    admission.enter([some_task(1.0, patient=True)])
    assert (admission.frames, admission.nbytes) == (15, 15)


def test_ten_times_too_much_for_a_minute() -> None:
    """A model of two workers of 50 ms a frame: nearly all they can do is done, and done soon."""
    now_s, work_s, waits = 0.0, 0.05, []
    admission = Admission(settings())
    busy: deque[tuple[float, Task]] = deque()  # when each is done
    free_at = [now_s] * 2
    for arrival in range(60 * 400):
        now_s = arrival / 400
        while busy and busy[0][0] <= now_s:
            admission.leave(busy.popleft()[1])
        task = some_task(work_s, patient=False)
        try:
            admission.enter([task])
        except Refused:
            continue
        worker = free_at.index(min(free_at))
        begun = max(free_at[worker], now_s)
        free_at[worker] = begun + work_s
        busy.append((free_at[worker], task))
        waits.append(free_at[worker] - now_s)
    assert len(waits) >= 0.98 * 60 * 40
    late = sorted(waits)[-len(waits) // 50]
    assert late <= 0.2, "all but the first burst"


def test_an_overload_is_over_when_nothing_is_left_to_do() -> None:
    """Else bursts, each well within what may wait, would keep each other refused for ever."""
    pressure = filled(0.51)
    for _ in range(100):
        assert pressure.refuses()
    for _ in range(20):
        pressure.leave(0.0)
    pressure.enter(20, 0.4 * 2)
    assert pressure.refuses() is None


def test_the_more_are_refused_the_later_they_are_to_come_again() -> None:
    pressure = filled(0.51)
    told = []
    for _ in range(100):
        wait_s = pressure.refuses()
        assert wait_s is not None
        told.append(pressure.away_s(wait_s))
    assert told == sorted(told)
    assert told[0] == pytest.approx(0.53, abs=0.01)
    assert told[-1] == 2.0


def test_nobody_is_sent_away_for_long_by_an_estimate() -> None:
    admission = Admission(settings())
    for _ in range(4):
        admission.enter([some_task(100.0, patient=False)])
    with pytest.raises(Refused, match=r"take 200\.00 s") as refusal:
        admission.enter([some_task(1.0, patient=False)])
    assert refusal.value.retry_after_s == 2.0


def test_streams_leave_room_for_calls() -> None:
    admission = Admission(settings(max_in_flight_frames=8))
    for _ in range(6):
        admission.enter([some_task(1.0, patient=True)])
    with pytest.raises(Refused, match="6 frames of at most 6 are in flight"):
        admission.enter([some_task(1.0, patient=True)])
    admission.enter([some_task(1.0, patient=False)] * 2)
    with pytest.raises(Refused, match="8 frames of at most 8 are in flight"):
        admission.enter([some_task(1.0, patient=False)])


def test_a_plan_learns_its_pace_from_frames_that_were_begun() -> None:
    with rig() as here:
        plan, picture = here.plans.find(None), jpeg()
        here.run([Incoming(picture)], deadline_ns=1)
        assert plan.pace.frame_s(len(picture)) == 0, "nobody waited for it, and it took no time"
        here.run([Incoming(picture)] * 3)
        assert plan.pace.frame_s(len(picture)) > 0


def test_a_pipeline_that_is_new_is_expected_to_be_like_others() -> None:
    with rig() as here:
        picture = jpeg()
        here.run([Incoming(picture)] * 3)
        new = here.plans.find(PipelineSpec((OutputSpec("small", (Resize(8, 8),)),)))
        task, _, done = here.task([Incoming(picture)] * 2, new)
        here.engine.submit([task])
        assert task.work_s > 0
        assert done.wait(60)


@given(st.lists(st.floats(1e-6, 10), min_size=1))
def test_the_pace_stays_among_what_was_seen(seen: list[float]) -> None:
    pace = Pace()
    for frame_s in seen:
        pace.note(1000, frame_s)
    assert min(seen) * 0.999 <= pace.frame_s(1000) <= max(seen) * 1.001


def test_one_odd_task_does_not_make_frames_look_slow() -> None:
    pace = Pace()
    for frame_s in (0.001, 1.0):
        pace.note(1000, frame_s)
    assert pace.frame_s(1000) < 0.002
    pace.note(10**12, 5.0)
    assert (pace.frame_s(10**13), pace.frame_s(10)) == (5.0, 0.0)
