"""What is unexpected: the client is told an id, the log all of it and whose frame it was."""

from __future__ import annotations

import logging

import pytest

from framesrv.engine.failure import ID_MAX, frame_error, log_error
from framesrv.errors import Reason, Refused
from framesrv.frames.work import FrameReport


def raised() -> KeyError:
    try:
        raise KeyError("/home/secret")
    except KeyError as error:
        return error


def test_the_log_says_whose_frame_it_was(caplog: pytest.LogCaptureFixture) -> None:
    report = FrameReport(request_id="r-1", stream_id="s" * 999, trace_id="")
    told = frame_error(raised(), 0.1, report)
    assert told.reason is Reason.INTERNAL
    assert "secret" not in told.message
    (record,) = caplog.records
    fields = record.__dict__
    assert fields["incident"] in told.message
    assert fields["incident"] in record.getMessage()
    assert (fields["request_id"], fields["stream_id"]) == ("r-1", "s" * ID_MAX)
    assert "trace_id" not in fields
    assert "raise KeyError" in record.getMessage()


def test_what_is_expected_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    told = frame_error(Refused(Reason.IMAGE_CORRUPT, "broken"), 0.1, FrameReport())
    assert told.message == "broken"
    assert not caplog.records


def test_the_place_of_a_fault_is_where_it_was_noticed(caplog: pytest.LogCaptureFixture) -> None:
    """By which lines of a kind are told apart, and limited."""
    caplog.set_level(logging.ERROR)
    log_error("one", raised())
    log_error("two", raised())
    one, two = caplog.records
    assert one.pathname == two.pathname == __file__
    assert one.lineno != two.lineno
