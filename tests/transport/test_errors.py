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


@pytest.mark.parametrize("letter", ["x", "é", "€", "\U0001f4f7"])
def test_a_long_text_is_cut_between_letters(letter: str) -> None:
    """Clients take 8 KiB of trailers, in which a text stands twice and escaped."""
    context = refused_with(Refused(Reason.BAD_PIPELINE, letter * 9999))
    assert context.text == clipped(letter * 9999)
    assert set(context.text) == {letter, "."}
    assert 3 * len(context.text.encode()) + 4 * len(context.details) // 3 < 6000
