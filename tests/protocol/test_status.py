"""Every reason has the code that the contract gives it, and details survive the way."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.rpc import (  # type: ignore[import-untyped]
    code_pb2,
    error_details_pb2,
    status_pb2,
)
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import Reason
from framesrv.protocol.status import CODES, DOMAIN, code_of, read_rich_status
from framesrv.protocol.wire import rich_status

# DESIGN, section 5, line by line.
TABLE = """
INVALID_ARGUMENT MALFORMED_MESSAGE SHAPE_MISMATCH UNSUPPORTED_FORMAT IMAGE_CORRUPT IMAGE_TOO_LARGE
INVALID_ARGUMENT TOO_MANY_SCANS BAD_GEOMETRY BAD_STREAM_ID BATCH_TOO_LARGE BAD_PIPELINE BAD_CONFIG
UNIMPLEMENTED UNSUPPORTED_PAYLOAD UNKNOWN_OP
DATA_LOSS CRC_MISMATCH
NOT_FOUND UNKNOWN_PROCESSOR UNKNOWN_PIPELINE UNKNOWN_STREAM
FAILED_PRECONDITION STREAM_NOT_OPEN STREAM_ALREADY_OPEN
ALREADY_EXISTS STREAM_TAKEN
RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE QUEUE_FULL POOL_TIMEOUT MEMORY_BUDGET TOO_MANY_STREAMS
RESOURCE_EXHAUSTED SLOW_CONSUMER
DEADLINE_EXCEEDED DEADLINE TOO_OLD
ABORTED DROPPED_BY_POLICY
CANCELLED CLIENT_GONE
UNAVAILABLE DRAINING WORKER_LOST
INTERNAL PROCESSOR_FAILED INTERNAL
"""
EXPECTED = {
    Reason(reason): code_pb2.Code.Value(line.split()[0])
    for line in TABLE.strip().splitlines()
    for reason in line.split()[1:]
}


def test_the_codes_are_those_of_the_table() -> None:
    assert dict(CODES) == EXPECTED


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_code(reason: Reason) -> None:
    assert 1 <= code_of(reason) <= 16


@given(
    st.sampled_from(list(Reason)),
    st.text(),
    st.none() | st.integers(0, 10**12).map(lambda n: n / 1e3),
)
def test_details_survive_the_way(reason: Reason, text: str, retry_after_s: float | None) -> None:
    found = read_rich_status(rich_status(reason, text, retry_after_s))
    assert found.reason == reason.value
    assert found.message == text
    assert (found.retry_after_s is None) == (retry_after_s is None)
    if retry_after_s is not None:
        assert found.retry_after_s == pytest.approx(retry_after_s, abs=1e-6)


def test_details_are_those_of_google_rpc() -> None:
    status = status_pb2.Status.FromString(rich_status(Reason.QUEUE_FULL, "full", 1.5))
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert (status.code, status.message, len(status.details)) == (8, "full", 2)
    assert status.details[0].Unpack(info)
    assert (info.reason, info.domain) == ("QUEUE_FULL", "framesrv")
    assert status.details[1].Unpack(retry)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (1, 500_000_000)


@given(st.sampled_from(list(Reason)), st.text(), st.none() | st.integers(0, 10**9))
def test_the_bytes_are_those_of_the_generated_classes(
    reason: Reason, text: str, retry_after_ms: int | None
) -> None:
    status = status_pb2.Status(code=code_of(reason), message=text)
    info = error_details_pb2.ErrorInfo(reason=reason.value, domain=DOMAIN)
    status.details.add().Pack(info)
    if retry_after_ms is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromMilliseconds(retry_after_ms)
        status.details.add().Pack(retry)
    after_s = None if retry_after_ms is None else retry_after_ms / 1000
    assert rich_status(reason, text, after_s) == status.SerializeToString(deterministic=True)


def test_a_retry_is_never_in_the_past() -> None:
    assert read_rich_status(rich_status(Reason.QUEUE_FULL, "full", -1.0)).retry_after_s == 0


def test_anothers_details_are_not_taken_for_ours() -> None:
    status = status_pb2.Status(code=8, message="from a proxy")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="X", domain="example.com"))
    status.details.add().Pack(error_details_pb2.Help())
    assert read_rich_status(status.SerializeToString()) == ("", "from a proxy", None)


@given(st.binary())
def test_whatever_the_trailers_hold_is_no_error(data: bytes) -> None:
    read_rich_status(data)
    status = status_pb2.Status()
    detail = status.details.add()
    detail.type_url = "type.googleapis.com/google.rpc.ErrorInfo"
    detail.value = data
    read_rich_status(status.SerializeToString())


def test_it_loads_neither_the_pool_nor_cv2() -> None:
    """The client imports it."""
    code = (
        "import sys, framesrv.protocol.status\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'cv2', 'framesrv.frames')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
