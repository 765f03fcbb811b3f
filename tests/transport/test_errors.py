"""How a call is refused: code, text, details, and nothing that is nobody's business."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc
import pytest

from framesrv.engine.troubles import Troubles
from framesrv.errors import InvalidRecord, Reason, Refused
from framesrv.pool import PoolExhausted
from framesrv.protocol.status import CODES, DETAILS_KEY, read_rich_status
from framesrv.transport.errors import clipped, refuse


class Aborted(Exception):
    pass


class Context:
    """A call's: takes down how it was ended."""

    def __init__(self) -> None:
        self.code: grpc.StatusCode | None = None
        self.text = ""
        self.details = b""
        self.metadata: tuple[tuple[str, str | bytes], ...] = ()

    def peer(self) -> str:
        return "test"

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        return self.metadata

    async def abort(
        self, code: grpc.StatusCode, text: str, trailing_metadata: tuple[tuple[str, bytes], ...]
    ) -> None:
        ((key, self.details),) = trailing_metadata
        assert key == DETAILS_KEY
        self.code, self.text = code, text
        raise Aborted


def refused_with(error: BaseException) -> Context:
    context: Any = Context()
    with pytest.raises(Aborted):
        asyncio.run(refuse(context, error, Troubles()))
    found: Context = context
    return found


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_its_code_and_details(reason: Reason) -> None:
    context = refused_with(Refused(reason, "what and why", 0.25))
    assert context.code is not None
    assert context.code.value[0] == CODES[reason]
    assert context.text == "what and why"
    assert read_rich_status(context.details) == (str(reason), "what and why", 0.25)


def test_no_retry_is_said_where_it_would_not_help() -> None:
    context = refused_with(Refused(Reason.BAD_PIPELINE, "no"))
    assert read_rich_status(context.details).retry_after_s is None


def test_what_is_unexpected_goes_to_the_log_and_not_to_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for error in (KeyError("/home/secret"), InvalidRecord("/home/secret")):
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            context = refused_with(error)
        assert context.code is grpc.StatusCode.INTERNAL
        assert "secret" not in context.text + str(context.details)
        incident = context.text.split("incident ")[1].split(":")[0]
        assert incident in caplog.text
        assert "/home/secret" in caplog.text


def test_an_error_of_the_pools_tells_its_reason_only() -> None:
    context = refused_with(PoolExhausted("pool 'x': held by thread worker-1 at /srv/app.py"))
    told = read_rich_status(context.details)
    assert told.reason == "POOL_TIMEOUT"
    assert told.retry_after_s
    assert "/srv" not in context.text


def refused_with_ids(context: Any, stream_id: str, request_id: str) -> None:
    error = Refused(Reason.QUEUE_FULL, "too much")
    ids = {"stream_id": stream_id, "request_id": request_id}
    with pytest.raises(Aborted):
        asyncio.run(refuse(context, error, Troubles(), method="ProcessBatch", **ids))


def test_the_log_says_who_was_refused_what_and_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    context = Context()
    context.metadata = (("user-agent", "x"), ("traceparent", f"00-{'ab' * 16}-{'cd' * 8}-01"))
    refused_with_ids(context, "cam", "r" * 999)
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("INFO", "framesrv.transport")
    assert record.getMessage() == "call refused"
    told = {
        "reason": "QUEUE_FULL", "code": "RESOURCE_EXHAUSTED", "method": "ProcessBatch",
        "peer": "test", "stream_id": "cam", "request_id": "r" * 128, "trace_id": "ab" * 16,
        "detail": "too much",
    }  # fmt: skip
    assert told.items() <= record.__dict__.items()


@pytest.mark.parametrize("value", ["", "x" * 9999, b"00", f"00-{'AB' * 16}-{'cd' * 8}-01"])
def test_a_trace_that_cannot_be_read_is_none(
    value: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    context = Context()
    context.metadata = (("traceparent", value),)
    refused_with_ids(context, "", "")
    assert not {"trace_id", "stream_id", "request_id"} & set(caplog.records[0].__dict__)


@pytest.mark.parametrize("letter", ["x", "é", "€", "\U0001f4f7"])
def test_a_long_text_is_cut_between_letters(letter: str) -> None:
    """Clients take 8 KiB of trailers, in which a text stands twice and escaped."""
    context = refused_with(Refused(Reason.BAD_PIPELINE, letter * 9999))
    assert context.text == clipped(letter * 9999)
    assert set(context.text) == {letter, "."}
    assert 3 * len(context.text.encode()) + 4 * len(context.details) // 3 < 6000
