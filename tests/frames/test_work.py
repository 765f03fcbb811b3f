from __future__ import annotations

from typing import Any

import pytest

from framesrv.frames import Encoding, FrameJob, FrameReport, FrameStatus
from tests.frames.breaking import check_rules


def test_the_numbers_are_the_wires() -> None:
    statuses = ["UNSPECIFIED=0", "OK=1", "FAILED=2", "DROPPED=3"]
    assert [f"{one.name}={one.value}" for one in FrameStatus] == statuses
    encodings = ["UNSPECIFIED=0", "JPEG=1", "PNG=2", "WEBP=3", "RAW=4"]
    assert [f"{one.name}={one.value}" for one in Encoding] == encodings


def job() -> FrameJob:
    return FrameJob(request_id="r", created_at_ns=5, deadline_ns=6)


@pytest.mark.parametrize("no_text", ["", None, 5])
@pytest.mark.parametrize("not_positive", [0, -1, None])
@pytest.mark.parametrize("deadline_ns", [-1, None, "6"])
def test_the_rules_of_a_job(no_text: Any, not_positive: Any, deadline_ns: Any) -> None:
    broken = {"request_id": no_text, "created_at_ns": not_positive}
    check_rules(job, broken)
    check_rules(job, {"request_id": no_text, "deadline_ns": deadline_ns})


def test_a_job_at_zero_breaks_every_rule() -> None:
    fields = [fault.field for fault in FrameJob().faults()]
    assert fields == ["request_id", "created_at_ns", "deadline_ns"]


@pytest.mark.parametrize(("deadline_ns", "valid"), [(4, False), (5, False), (6, True)])
def test_the_deadline_is_after_the_creation(deadline_ns: int, valid: bool) -> None:
    record = job()
    record.deadline_ns = deadline_ns
    assert (record.faults() == []) is valid


@pytest.mark.parametrize("no_text", ["", None, 5])
@pytest.mark.parametrize("no_status", [FrameStatus.UNSPECIFIED, 0, 1, 99, None])
def test_the_rules_of_a_report(no_text: Any, no_status: Any) -> None:
    broken = {"request_id": no_text, "status": no_status}
    check_rules(lambda: FrameReport(request_id="r", status=FrameStatus.OK), broken)


@pytest.mark.parametrize("status", [FrameStatus.OK, FrameStatus.FAILED, FrameStatus.DROPPED])
def test_any_status_is_a_status(status: FrameStatus) -> None:
    FrameReport(request_id="r", status=status).validate()
