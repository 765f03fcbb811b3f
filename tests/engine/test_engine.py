"""The engine on real pools: each frame is reported once, and every lease comes home."""

from __future__ import annotations

import logging
import threading
from time import monotonic_ns
from typing import Any

import cv2
import numpy as np
import pytest

from framesrv import codecs
from framesrv.engine import Task
from framesrv.errors import Reason, Refused
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import Encoding, FrameReport, FrameStatus
from framesrv.ops.custom import Custom, Processors
from framesrv.ops.flip import Flip
from framesrv.pipeline.plans import Plans
from framesrv.pipeline.spec import OutputSpec, PipelineSpec
from framesrv.pool import DebugLevel
from tests.engine.rigs import Incoming, Notes, jpeg, rig

LEVELS = [DebugLevel.OFF, DebugLevel.SAMPLE, DebugLevel.POISON]


@pytest.mark.parametrize("level", LEVELS)
def test_a_batch_is_done_in_order_and_leaves_nothing_behind(level: DebugLevel) -> None:
    with rig(level) as here:
        frames = [Incoming(jpeg(640, 360, seed), seed) for seed in range(5)]
        seen = here.run(frames)
        assert [each.sequence for each in seen] == [0, 1, 2, 3, 4]
        for each in seen:
            assert (each.status, each.message) == (FrameStatus.OK, "")
            out = cv2.imdecode(np.frombuffer(each.outputs["main"], np.uint8), cv2.IMREAD_COLOR)
            assert out is not None
            assert out.shape == (320, 320, 3)
        assert len({each.outputs["main"] for each in seen}) == 5, "no two frames were alike"
        here.check_home()


@pytest.mark.parametrize("level", LEVELS)
def test_a_bad_frame_fails_alone(level: DebugLevel) -> None:
    good = jpeg()
    with rig(level) as here:
        seen = here.run(
            [
                Incoming(good, 0),
                Incoming(good[: len(good) // 2], 1),
                Incoming(b"", 2),
                Incoming(b"junk", 3),
                Incoming(good, 4, crc32c=codecs.crc32c(memoryview(good)) ^ 1),
                Incoming(good, 5, stream_id="another"),
                Incoming(good, 6, crc32c=codecs.crc32c(memoryview(good))),
            ],
            stream_id="mine",
        )
        assert [each.reason for each in seen] == [
            None,
            Reason.IMAGE_CORRUPT,
            Reason.IMAGE_CORRUPT,
            Reason.IMAGE_CORRUPT,
            Reason.CRC_MISMATCH,
            Reason.BAD_STREAM_ID,
            None,
        ]
        assert all(not each.outputs for each in seen if each.reason)
        assert seen[0].outputs == seen[6].outputs
        here.check_home()


def test_frames_of_many_sizes_in_one_task() -> None:
    sizes = [(64, 48), (1280, 720), (33, 77), (64, 48), (640, 360)]
    with rig() as here:
        seen = here.run([Incoming(jpeg(*size), n) for n, size in enumerate(sizes)])
        assert [each.reason for each in seen] == [None] * 5
        assert seen[0].outputs == seen[3].outputs
        here.check_home()


def test_nothing_is_begun_after_the_deadline_or_the_age() -> None:
    with rig() as here:
        late = here.run([Incoming(jpeg())], deadline_ns=monotonic_ns() - 1)
        old = here.run([Incoming(jpeg())], expires_ns=monotonic_ns() - 1)
        assert (late[0].reason, late[0].status) == (Reason.DEADLINE, FrameStatus.FAILED)
        assert (old[0].reason, old[0].status) == (Reason.TOO_OLD, FrameStatus.DROPPED)
        here.check_home()


def test_what_was_marked_to_be_dropped_is_not_done() -> None:
    with rig() as here:
        task, notes, done = here.task([Incoming(jpeg())])
        task.drop = Reason.CLIENT_GONE
        here.engine.submit([task])
        assert done.wait(60)
        assert [each.reason for each in notes.seen] == [Reason.CLIENT_GONE]
        assert here.engine.meter().frames["dropped", "CLIENT_GONE"] == 1
        here.check_home()


class Gate:
    """A processor that holds its worker until it is told to go on."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def __call__(self, src: Any, dst: Any, options: Any) -> None:
        self.entered.release()
        assert self.go_on.acquire(timeout=60)
        dst[...] = src


def with_processor(process: Any) -> Plans:
    processors = Processors()
    processors.install("mine", process)
    spec = PipelineSpec((OutputSpec("out", (Custom("mine"),)),))
    return Plans(processors=processors, named={"mine": spec})


def test_a_full_engine_refuses_early_and_says_when_to_retry() -> None:
    gate = Gate()
    plans = with_processor(gate)
    with rig(plans=plans, workers=1, max_in_flight_frames=2) as here:
        plan = plans.find("mine")
        first, notes, done = here.task([Incoming(jpeg(), 1)], plan)
        second, more, done_too = here.task([Incoming(jpeg(), 2)], plan)
        here.engine.submit([first])
        assert gate.entered.acquire(timeout=60)
        here.engine.submit([second])
        third, none, _ = here.task([Incoming(jpeg(), 3)], plan)
        with pytest.raises(Refused, match="full") as refusal:
            here.engine.submit([third])
        assert refusal.value.reason is Reason.QUEUE_FULL
        assert refusal.value.retry_after_s
        room = threading.Event()
        here.engine.when_room(room.set)
        assert not room.is_set()
        gate.go_on.release(2)
        assert done.wait(60)
        assert done_too.wait(60)
        assert room.wait(60)
        assert not none.seen
        assert [each.status for each in notes.seen + more.seen] == [FrameStatus.OK] * 2
        here.check_home()


def test_bytes_are_counted_as_well() -> None:
    gate = Gate()
    plans = with_processor(gate)
    data = jpeg()
    with rig(plans=plans, workers=1, max_in_flight_bytes=len(data) + 1) as here:
        first, _, done = here.task([Incoming(data)], plans.find("mine"))
        here.engine.submit([first])
        assert gate.entered.acquire(timeout=60)
        second, _, _ = here.task([Incoming(data)], plans.find("mine"))
        with pytest.raises(Refused, match="bytes"):
            here.engine.submit([second])
        gate.go_on.release()
        assert done.wait(60)
        here.check_home()


def test_work_taken_on_is_done_though_the_engine_drains() -> None:
    gate = Gate()
    plans = with_processor(gate)
    with rig(plans=plans, workers=1) as here:
        task, notes, done = here.task([Incoming(jpeg())], plans.find("mine"))
        here.engine.submit([task])
        assert gate.entered.acquire(timeout=60)
        here.engine.drain()
        with pytest.raises(Refused) as refusal:
            here.engine.submit([here.task([Incoming(jpeg())])[0]])
        assert refusal.value.reason is Reason.DRAINING
        gate.go_on.release()
        assert done.wait(60)
        assert notes.seen[0].status is FrameStatus.OK


def test_a_processor_that_raises_fails_its_frame_only(caplog: pytest.LogCaptureFixture) -> None:
    calls = iter(range(99))

    def sometimes(src: Any, dst: Any, options: Any) -> None:
        if next(calls) == 1:
            raise ValueError("/secret/path")
        dst[...] = src

    plans = with_processor(sometimes)
    with rig(plans=plans, workers=1) as here, caplog.at_level(logging.CRITICAL):
        seen = here.run([Incoming(jpeg(), n) for n in range(3)], plans.find("mine"))
        assert [each.reason for each in seen] == [None, Reason.PROCESSOR_FAILED, None]
        assert "secret" not in seen[1].message
        here.check_home()


def test_a_lost_worker_answers_what_it_had_and_is_replaced(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fatal(src: Any, dst: Any, options: Any) -> None:
        raise SystemExit(3)

    plans = with_processor(fatal)
    with rig(plans=plans, workers=1) as here, caplog.at_level(logging.CRITICAL + 1):
        seen = here.run([Incoming(jpeg(), 7), Incoming(jpeg(), 8)], plans.find("mine"))
        assert [(each.sequence, each.reason) for each in seen] == [
            (7, Reason.WORKER_LOST),
            (8, Reason.WORKER_LOST),
        ]
        assert here.engine.workers_lost == 1
        assert here.run([Incoming(jpeg())])[0].status is FrameStatus.OK
        here.check_home()


def test_a_bug_of_ours_is_told_by_its_incident_only(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        payload = None
        sequence = 9

        def into(self, record: Any) -> None:
            raise KeyError("/home/somebody")

    with rig() as here:
        seen = here.run([Broken(), Incoming(jpeg(), 10)])
        assert [each.reason for each in seen] == [Reason.INTERNAL, None]
        assert "somebody" not in seen[0].message
        incident = seen[0].message.split("incident ")[1].split(":")[0]
        assert any(incident in record.message for record in caplog.records)
        here.check_home()


def test_an_answer_that_cannot_be_written_still_ends_the_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full:
        def __init__(self) -> None:
            self.added: list[Reason | None] = []

        def add(self, report: FrameReport) -> None:
            if report.error is None:
                raise MemoryError
            self.added.append(report.error.reason)

        def finish(self) -> None:
            raise MemoryError

    answer = Full()
    with rig() as here, caplog.at_level(logging.CRITICAL):
        task, _, done = here.task([Incoming(jpeg()), Incoming(jpeg())], answer=answer)
        here.engine.submit([task])
        assert done.wait(60)
        assert answer.added == [Reason.MEMORY_BUDGET] * 2
        here.check_home()


def test_many_clients_at_once_each_get_their_own_pixels() -> None:
    with rig(DebugLevel.POISON, max_wait_s=0) as here:  # however slow the machine
        want = {seed: here.run([Incoming(jpeg(200, 150, seed))])[0].outputs for seed in range(8)}
        pieces: list[tuple[int, Task, Notes, threading.Event]] = [
            (seed, *here.task([Incoming(jpeg(200, 150, seed))] * 3))
            for _ in range(10)
            for seed in range(8)
        ]
        for _, task, _, _ in pieces:
            here.engine.submit([task])
        for seed, _, notes, done in pieces:
            assert done.wait(60)
            assert [each.outputs for each in notes.seen] == [want[seed]] * 3
        here.check_home()


def test_an_empty_pool_is_waited_for_and_then_refused() -> None:
    with rig(pool_wait_s=0.02) as here:
        pool = here.manager.pool("jpeg")
        held = [pool.acquire() for _ in range(pool.capacity)]
        assert pool.stats().misses, "below its capacity an empty pool allocates"
        seen = here.run([Incoming(jpeg(), 1)])
        assert seen[0].reason is Reason.POOL_TIMEOUT
        for lease in held:
            lease.release()
        del held, lease
        assert here.run([Incoming(jpeg(), 2)])[0].status is FrameStatus.OK
        here.check_home()


def test_a_job_that_no_budget_holds_is_too_large() -> None:
    with rig() as here:
        big = ImageLayout(8192, 2048, PixelFormat.RGBA32)
        spec = PipelineSpec(
            tuple(OutputSpec(str(n), (Flip(True),), Encoding.RAW) for n in range(9))
        )
        plans = Plans(named={"many": spec})
        seen = here.run([Incoming(bytes(big.data_bytes), layout=big)], plans.find("many"))
        assert seen[0].reason is Reason.IMAGE_TOO_LARGE
        here.check_home()
