"""What workers count: times that quantiles can be read of, traces behind them, and busy hours."""

from __future__ import annotations

from itertools import pairwise
from time import monotonic_ns

import pytest

from framesrv.engine.meter import BOUNDS_S, STAGES, Meter, added_up
from framesrv.errors import Reason
from framesrv.frames.work import FrameError, FrameReport, FrameStatus
from tests.engine.instructions import after_each_instruction
from tests.engine.rigs import Incoming, jpeg, rig


def ok(total_ns: int = 5_000_000, trace_id: str = "") -> FrameReport:
    report = FrameReport(request_id="r", status=FrameStatus.OK, trace_id=trace_id)
    report.timings.total_ns = total_ns
    return report


def traces(meter: Meter, stage: str = "total") -> list[str]:
    return [example.trace_id for example in meter.stages[stage].examples if example]


class TestBounds:
    def test_they_go_from_a_tenth_of_a_millisecond_to_a_second(self) -> None:
        assert (BOUNDS_S[0], BOUNDS_S[-1]) == (0.0001, 1.0)
        assert list(BOUNDS_S) == sorted(set(BOUNDS_S))

    def test_they_are_close_where_people_draw_their_lines(self) -> None:
        for low, high in pairwise(BOUNDS_S):
            assert high / low <= (1.5001 if 0.01 <= low < 0.5 else 2.0001)
        for line in (0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 1.0):
            assert line in BOUNDS_S, "of a line that is a bound, the share below it is exact"

    @pytest.mark.parametrize("quantile_s", [0.05, 0.3])
    def test_a_quantile_near_it_is_told_within_a_sixth(self, quantile_s: float) -> None:
        low = max(bound for bound in BOUNDS_S if bound <= quantile_s / 1.02)
        high = min(bound for bound in BOUNDS_S if bound >= quantile_s * 1.02)
        within = [bound for bound in BOUNDS_S if low <= bound <= high]
        widest = max(b - a for a, b in pairwise(within))
        assert widest / 2 / quantile_s <= 1 / 6 + 1e-9, "interpolated from a bucket's middle"


class TestExamples:
    def test_the_last_frame_with_a_trace_is_behind_its_bucket_in_every_stage(self) -> None:
        meter = Meter()
        for trace_id in ("first", "last", ""):
            meter.count(ok(trace_id=trace_id))
        meter.count(ok(90_000_000_000, "late"))
        for stage in STAGES:
            assert traces(meter, stage) == (["last", "late"] if stage == "total" else ["late"])
        example = meter.stages["total"].examples[-1]
        assert example is not None
        assert example.value == 90_000_000_000

    @pytest.mark.parametrize("hostile", ["x" * 65, "a b", "a\nb", "é", "\x00", "\x7f", 'a"', "\\"])
    def test_what_is_no_trace_id_is_not_shown(self, hostile: str) -> None:
        meter = Meter()
        meter.count(ok(trace_id=hostile))
        assert traces(meter) == []
        assert sum(meter.stages["total"].counts) == 1

    @pytest.mark.parametrize("unusual", ["x" * 64, "a'b/c", "!", "~", "{}=,#[]", "00-4bf9-01"])
    def test_other_visible_ascii_is(self, unusual: str) -> None:
        meter = Meter()
        meter.count(ok(trace_id=unusual))
        assert traces(meter) == [unusual]

    def test_frames_that_failed_have_no_times(self) -> None:
        meter = Meter()
        error = FrameError(Reason.IMAGE_CORRUPT, "broken")
        meter.count(FrameReport(status=FrameStatus.FAILED, error=error, trace_id="t"))
        assert traces(meter) == []


class TestBusy:
    def test_the_task_in_progress_counts(self) -> None:
        meter = Meter()
        begun_ns = monotonic_ns() - 5_000_000_000
        meter.begin(begun_ns)
        assert meter.busy_ns >= 5_000_000_000
        assert added_up([meter, Meter()]).busy_ns >= 5_000_000_000
        meter.end(begun_ns + 6_000_000_000)
        assert meter.busy_ns == 6_000_000_000, "and not twice when it ends"

    def test_it_never_goes_back_whenever_it_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """After any instruction of a worker that begins and ends its tasks."""
        meter, seen, now_ns = Meter(), [0], 1000
        monkeypatch.setattr("framesrv.engine.meter.monotonic_ns", lambda: now_ns)
        with after_each_instruction(lambda: seen.append(meter.busy_ns), Meter.begin, Meter.end):
            for _ in range(3):
                meter.begin(now_ns)
                now_ns += 700
                meter.end(now_ns)
        assert len(seen) > 50
        assert seen == sorted(seen)
        assert set(seen) == {0, 700, 1400, 2100}

    def test_a_worker_is_busy_with_its_tasks_and_not_between_them(self) -> None:
        with rig(workers=1) as engine:
            assert engine.engine.meter().busy_ns == 0
            begun_ns = monotonic_ns()
            engine.run([Incoming(jpeg())] * 5)
            engine.engine.stop()
            done = engine.engine.meter().busy_ns
            assert 0 < done <= monotonic_ns() - begun_ns
            assert engine.engine.meter().busy_ns == done


def test_sums_are_of_all_threads() -> None:
    meters = [Meter(), Meter()]
    for meter in meters:
        meter.count(ok())
        meter.batches.add(25)
    total = added_up(meters)
    assert total.frames == {("ok", ""): 2}
    assert (sum(total.batches.counts), total.batches.total) == (2, 50)
    assert total.stages["total"].total == 10_000_000
