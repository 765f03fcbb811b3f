"""What transport counts: the frames of accepted batches, and each copy of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from framesrv.app import App
from framesrv.frames import copies
from framesrv.frames.source import Envelope
from framesrv.pool import RecordPool
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.wire import WireLimits
from framesrv.transport.batch import process_batch
from framesrv.transport.reception import Reception
from tests.transport.test_calls import BATCH, FRAMES, OPEN, Aborted, Context, on_an_app, stream

TWO_OUTPUTS = pb.Pipeline(outputs=[pb.Output(name="a"), pb.Output(name="b")])


@contextmanager
def copied(wire: int) -> Iterator[None]:
    before = copies.WIRE.value
    yield
    assert copies.WIRE.value - before == wire


def batches(app: App) -> tuple[int, int]:
    """How many were accepted, and the frames of all together."""
    counted = app.office.meter.batches
    return sum(counted.counts), counted.total


def test_a_batch() -> None:
    async def call(app: App) -> None:
        with copied(2 * len(FRAMES) * 2):
            await process_batch(
                app.office,
                pb.ProcessBatchRequest(frames=FRAMES, pipeline=TWO_OUTPUTS).SerializeToString(),
                Context(),
            )
        assert batches(app) == (1, len(FRAMES))
        with copied(0):  # answers without a picture
            broken = [pb.Frame(encoded=pb.EncodedImage(data=b"junk"))] * 3
            await process_batch(
                app.office, pb.ProcessBatchRequest(frames=broken).SerializeToString(), Context()
            )
        assert batches(app) == (2, len(FRAMES) + 3)

    on_an_app(call)


def test_what_is_refused_was_not_accepted() -> None:
    async def call(app: App) -> None:
        refused = pb.ProcessBatchRequest(frames=FRAMES, pipeline_name="none such")
        with pytest.raises(Aborted):
            await process_batch(app.office, refused.SerializeToString(), Context())
        await process_batch(app.office, pb.ProcessBatchRequest().SerializeToString(), Context())
        app.engine.drain()
        accepted = pb.ProcessBatchRequest(frames=FRAMES).SerializeToString()
        with pytest.raises(Aborted):
            await process_batch(app.office, accepted, Context())
        assert batches(app) == (0, 0)

    on_an_app(call)


def test_the_messages_of_a_stream() -> None:
    async def call(app: App) -> None:
        with copied(2 * 2 * len(FRAMES)):
            await stream(app, Context(OPEN, BATCH, BATCH, pb.ProcessStreamRequest()))
        assert batches(app) == (2, 2 * len(FRAMES))

    on_an_app(call)


def test_a_stream_that_drains_accepts_no_batch() -> None:
    async def call(app: App) -> None:
        await stream(
            app, Context(OPEN, BATCH, lambda: app.server.service.drain(1.0), BATCH, stays=False)
        )
        assert batches(app) == (1, len(FRAMES))

    on_an_app(call)


def test_payloads_that_are_the_least_part_of_their_message() -> None:
    padded = pb.ProcessStreamRequest(
        batch=pb.FrameBatch(
            frames=[pb.Frame(stream_id="s" * 9000, encoded=pb.EncodedImage(data=b"p"))] * 2
        )
    ).SerializeToString()
    with RecordPool("envelope", Envelope, capacity=1) as envelopes:
        reception = Reception(envelopes, WireLimits())
        with copied(2):
            reception.stream(padded, "peer", 1)
        with copied(0):
            reception.stream(BATCH.SerializeToString(), "peer", 1)
