"""What a processor does wrong stays with it: clients get a reason, the log gets the rest."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from framesrv.errors import Reason, Refused
from framesrv.frames.layout import PixelFormat
from framesrv.ops.processors import Options, Process
from framesrv.ops.step import Form, Pixels
from framesrv.pool import ArrayPool
from framesrv.testing.op_contract import apply, noise
from tests.ops.custom_rig import FORM, bound, lazy, refused
from tests.ops.test_processors import negative

SECRET = "/srv/models/secret.onnx"  # noqa: S105


def _raises(src: Pixels, dst: Pixels, options: Options) -> None:
    view = src[:1]  # a local, which the frames of the exception hold
    try:
        raise KeyError(view.shape)
    except KeyError as error:
        raise ValueError(SECRET) from error


def _keeps_its_error(src: Pixels, dst: Pixels, options: Options) -> None:
    caught = None
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        caught = error  # frame and error hold each other
    raise caught


def _refuses(src: Pixels, dst: Pixels, options: Options) -> None:
    raise Refused(Reason.QUEUE_FULL, SECRET)


@pytest.mark.parametrize("process", [_raises, _keeps_its_error, _refuses])
def test_an_exception_goes_to_the_log_and_not_to_the_client(
    process: Process, caplog: pytest.LogCaptureFixture
) -> None:
    failure = refused(bound(process), noise(FORM), noise(FORM))
    assert failure.reason is Reason.PROCESSOR_FAILED
    assert "subject" in failure.message
    assert SECRET not in failure.message
    assert failure.__context__ is None
    assert failure.__cause__ is None
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("framesrv.processors", logging.ERROR)
    assert SECRET in record.getMessage()
    assert process.__name__ in record.getMessage()
    assert record.exc_info is None


def test_an_endless_text_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def shout(src: Pixels, dst: Pixels, options: Options) -> None:
        raise ValueError("x" * 1_000_000)

    refused(bound(shout), noise(FORM), noise(FORM))
    assert len(caplog.text) < 20_000


@pytest.mark.parametrize("process", [_raises, _keeps_its_error, negative, lazy])
def test_after_a_call_the_buffers_are_free_again(process: Process) -> None:
    """Nothing of the error, kept here, nor of the log, which pytest keeps, holds a view."""
    pool = ArrayPool("subject", shape=FORM.shape, dtype="uint8", capacity=2)
    work = bound(process).step(FORM).work
    assert work is not None
    kept = None
    source, target = pool.acquire(), pool.acquire()
    try:
        work(source.array, target.array)
    except Refused as error:
        kept = error
    source.release()
    target.release()
    assert (kept is None) is (process in (negative, lazy))
    stats = pool.stats()
    assert (stats.idle, stats.quarantined) == (2, 0)
    pool.close()


def test_a_kept_view_keeps_the_buffer_out_of_use() -> None:
    kept: list[Pixels] = []

    def keep(src: Pixels, dst: Pixels, options: Options) -> None:
        kept.append(src)
        kept.append(dst)

    pool = ArrayPool("subject", shape=FORM.shape, dtype="uint8", capacity=2)
    work = bound(keep).step(FORM).work
    assert work is not None
    with pool.acquire() as source, pool.acquire() as target:
        work(source.array, target.array)
    assert pool.stats().quarantined == 2
    assert pool.try_acquire() is None
    kept.clear()
    lease = pool.acquire(timeout_s=0.0)
    lease.release()
    assert pool.stats().quarantined == 0
    pool.close()


def test_a_result_elsewhere_is_a_failure_and_no_black_picture(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def elsewhere(src: Pixels, dst: Pixels, options: Options) -> Pixels:
        return 255 - src

    def there(src: Pixels, dst: Pixels, options: Options) -> Pixels:
        return np.subtract(255, src, out=dst)

    src = noise(FORM)
    assert refused(bound(elsewhere), src, src.copy()).reason is Reason.PROCESSOR_FAILED
    assert "must write into dst" in caplog.text
    np.testing.assert_array_equal(apply(bound(there), src, FORM), 255 - src)


class Choosing:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def output(self, form: Form, options: Options) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def process(self, src: Pixels, dst: Pixels, options: Options) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    "answer",
    [
        None,
        (4, 4),
        Form(0, 4, PixelFormat.BGR24),
        Form(4, 4, PixelFormat.UNSPECIFIED),
        Form(4, 4, PixelFormat.NV12),
        Form(8193, 4, PixelFormat.BGR24),
        Form(8192, 8192, PixelFormat.BGR24),
        ValueError(SECRET),
        Refused(Reason.QUEUE_FULL, SECRET),
    ],
)
def test_a_form_that_cannot_be_is_the_processors_failure(
    answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Refused) as caught:
        bound(Choosing(answer)).step(FORM)
    assert caught.value.reason is Reason.PROCESSOR_FAILED
    assert SECRET not in str(caught.value)
    assert "output" in caplog.text


@pytest.mark.parametrize("reason", [Reason.BAD_GEOMETRY, Reason.BAD_PIPELINE])
def test_a_processor_may_refuse_a_form_in_its_own_words(reason: Reason) -> None:
    own = Refused(reason, "at least 640x360 is needed")
    with pytest.raises(Refused, match="at least 640x360 is needed") as caught:
        bound(Choosing(own)).step(FORM)
    assert caught.value.reason is reason
    assert caught.value.__context__ is None


def test_what_is_no_exception_is_not_caught() -> None:
    def leave(src: Pixels, dst: Pixels, options: Options) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(bound(leave), noise(FORM), FORM)
