"""Answers as workers write them: whole, in order, under their caps, and nothing half done."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from framesrv.errors import Reason
from framesrv.frames.layout import ImageLayout, PixelFormat
from framesrv.frames.work import Encoding, FrameError, FrameReport, FrameStatus, OutputImage
from framesrv.pool import BytesIOPool
from framesrv.protocol import wire
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.transport.answers import BatchAnswer, Sheet, StreamAnswer, call_later

LAYOUT = ImageLayout(1, 1, PixelFormat.GRAY8)


@dataclass
class Labels:
    stream_id: str = ""
    trace_id: str = ""


@pytest.fixture
def pool() -> Iterator[BytesIOPool]:
    with BytesIOPool("answer", initial_bytes=1024, max_bytes=65536, capacity=2) as found:
        yield found
        stats = found.stats()
        assert (stats.leased, stats.quarantined) == (0, 0)


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - nobody is to be kept from guessing


def ok(sequence: int, nbytes: int, **labels: Any) -> FrameReport:
    report = FrameReport(sequence=sequence, status=FrameStatus.OK, received_at_ns=1, **labels)
    data = memoryview(dice(sequence).randbytes(nbytes))
    report.outputs.append(OutputImage("o", Encoding.RAW, LAYOUT, data))
    return report


def failed(sequence: int) -> FrameReport:
    error = FrameError(Reason.IMAGE_CORRUPT, "broken")
    return FrameReport(sequence=sequence, status=FrameStatus.FAILED, error=error)


class Batch:
    def __init__(self, pool: BytesIOPool, cap: int, *parts: int, **labels: str) -> None:
        self.ended = 0
        self.answer = BatchAnswer(
            wire.batch_response_prefix("r"),
            [[Labels(**labels)] * count for count in parts],
            pool,
            cap,
            self._end,
        )

    def _end(self) -> None:
        self.ended += 1

    def finish(self) -> None:
        for part in self.answer.parts:
            part.finish()
        for _ in self.answer.parts:
            assert not self.ended
            self.answer.part_done()
        assert self.ended == 1

    @property
    def read(self) -> pb.ProcessBatchResponse:
        assert self.answer.message is not None
        return pb.ProcessBatchResponse.FromString(self.answer.message)


# -- of batches --------------------------------------------------------------------------------


def test_parts_are_joined_in_order_whichever_is_ready_first(pool: BytesIOPool) -> None:
    batch = Batch(pool, 1 << 20, 2, 1, 2)
    numbers = [[0, 1], [2], [3, 4]]
    for at in (2, 0, 1):
        for number in numbers[at]:
            batch.answer.parts[at].add(ok(number, 100))
    batch.finish()
    assert batch.read.request_id == "r"
    assert [result.sequence for result in batch.read.results] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("labels", [{}, {"stream_id": "é" * 99, "trace_id": "t" * 999}])
def test_the_cap_is_one_for_all_parts_and_errors_have_room(
    pool: BytesIOPool, labels: dict[str, str]
) -> None:
    chance = dice(1)
    for _ in range(300):
        cap = chance.randint(40_000, 60_000)
        counts = [chance.randint(1, 9), chance.randint(1, 9)]
        batch = Batch(pool, cap, *counts, **labels)
        for part, count in zip(batch.answer.parts, counts, strict=True):
            for number in range(count):
                part.add(ok(number, chance.choice([10, 900, 5000, 30_000]), **labels))
        batch.finish()
        assert batch.answer.message is not None
        assert len(batch.answer.message) <= cap
        assert len(batch.read.results) == sum(counts)
        for result in batch.read.results:
            assert (result.error.reason == "RESPONSE_TOO_LARGE") == (not result.outputs)


def test_an_answer_that_just_fits_is_not_refused(pool: BytesIOPool) -> None:
    nbytes = wire.result_bytes_bound(ok(1, 10_000))
    for less in (0, 1):
        batch = Batch(pool, len(wire.batch_response_prefix("r")) + nbytes - less, 1)
        batch.answer.parts[0].add(ok(1, 10_000))
        batch.finish()
        assert bool(batch.read.results[0].outputs) is not bool(less)


def test_many_threads_write_one_answer() -> None:
    pool = BytesIOPool("answer", initial_bytes=1024, max_bytes=65536, capacity=4)
    for _ in range(20):
        batch = Batch(pool, 1 << 20, *[8] * 4)

        def work(number: int, batch: Batch = batch) -> None:
            part = batch.answer.parts[number]
            for at in range(8):
                part.add(ok(8 * number + at, 500))
            part.finish()
            batch.answer.part_done()

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        assert batch.ended == 1
        assert [result.sequence for result in batch.read.results] == list(range(32))
    assert pool.stats().leased == 0
    pool.close()


# -- faults ------------------------------------------------------------------------------------


class Faulty:
    """In place of ``write_result``: writes half, then fails, when told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        self.fails = False
        self._write = getattr(wire, name)
        monkeypatch.setattr(wire, name, self)

    def __call__(self, report: FrameReport, into: Any) -> None:
        if self.fails:
            into.write(b"\x12\x7f half of a result")
            raise MemoryError
        self._write(report, into)


def test_half_a_result_is_taken_back(pool: BytesIOPool, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Faulty(monkeypatch, "write_result")
    batch = Batch(pool, 4000, 4)
    (part,) = batch.answer.parts
    part.add(ok(0, 100))
    for _ in range(50):  # nor does what was taken back count against the cap
        write.fails = True
        with pytest.raises(MemoryError):
            part.add(ok(1, 500))
    write.fails = False
    for number in (1, 2, 3):
        part.add(failed(number) if number == 1 else ok(number, 500))
    batch.finish()
    assert [r.sequence for r in batch.read.results] == [0, 1, 2, 3]
    assert [bool(r.outputs) for r in batch.read.results] == [True, False, True, True]


def test_a_batch_with_a_frame_unanswered_has_no_answer(pool: BytesIOPool) -> None:
    """n frames, n results: a shorter answer would be taken for the whole."""
    batch = Batch(pool, 4000, 2, 1)
    batch.answer.parts[0].add(ok(0, 10))
    batch.answer.parts[1].add(ok(2, 10))
    batch.finish()
    assert batch.answer.message is None


def test_half_a_stream_s_result_is_taken_back(
    pool: BytesIOPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Faulty(monkeypatch, "write_stream_result")
    answer = StreamAnswer(3, pool, 4000, 8000)
    answer.add(ok(0, 100))
    write.fails = True
    with pytest.raises(MemoryError):
        answer.add(ok(1, 100))
    write.fails = False
    answer.add(failed(1))
    assert not answer.whole
    answer.add(ok(2, 100))
    answer.finish()
    assert answer.whole
    assert sequences(answer) == [0, 1, 2]


# -- of streams --------------------------------------------------------------------------------


def read(answer: StreamAnswer) -> list[pb.ResultBatch]:
    return [pb.ProcessStreamResponse.FromString(data).results for data in answer.messages]


def sequences(answer: StreamAnswer) -> list[int]:
    return [result.sequence for batch in read(answer) for result in batch.results]


def test_a_stream_s_answer_is_split_and_keeps_its_order(pool: BytesIOPool) -> None:
    chance = dice(2)
    for _ in range(100):
        count = chance.randint(1, 12)
        answer = StreamAnswer(count, pool, 4000, 20_000)
        for number in range(count):
            answer.add(ok(number, chance.choice([10, 1500, 3900, 9000, 30_000])))
        answer.finish()
        assert answer.whole
        assert sequences(answer) == list(range(count))
        for data, batch in zip(answer.messages, read(answer), strict=True):
            assert len(data) < 4100 or len(batch.results) == 1
            assert len(data) <= 20_100
            for result in batch.results:
                assert (result.error.reason == "RESPONSE_TOO_LARGE") == (not result.outputs)


def test_nothing_to_say_is_no_message(pool: BytesIOPool) -> None:
    answer = StreamAnswer(0, pool, 4000, 20_000)
    answer.finish()
    assert answer.messages == []
    assert answer.whole


# -- sheets ------------------------------------------------------------------------------------


def test_without_a_buffer_the_heap_serves(pool: BytesIOPool) -> None:
    """And whoever must not wait does not."""
    sheets = [Sheet(pool, wait_s=0) for _ in range(4)]
    assert pool.stats().leased == 2
    assert pool.stats().timeouts == 0
    for sheet in sheets:
        sheet.write(wire.write_result, ok(1, 10))
        sheet.release()
        sheet_again = sheet
    del sheets, sheet, sheet_again


def test_a_closed_pool_does_not_matter() -> None:
    closed = BytesIOPool("answer", initial_bytes=1, max_bytes=2, capacity=1)
    closed.close()
    answer = StreamAnswer(1, closed, 4000, 8000)
    answer.add(ok(5, 10))
    answer.finish()
    assert sequences(answer) == [5]


def test_a_loop_that_is_closed_is_told_nothing() -> None:
    loop = asyncio.new_event_loop()
    told: list[int] = []
    call_later(loop, lambda: told.append(1))
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    call_later(loop, lambda: told.append(2))
    assert told == [1]
