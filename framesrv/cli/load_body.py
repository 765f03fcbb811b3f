"""The requests of a load test, made once: while it runs, nothing is encoded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from framesrv.cli.feed import encode_jpeg
from framesrv.cli.load_plan import LoadPlan
from framesrv.cli.outcome import Fault
from framesrv.cli.pictures_in import Picture
from framesrv.cli.pipeline_file import read_pipeline
from framesrv.cli.source_files import image_source
from framesrv.cli.sources import synthetic_size
from framesrv.cli.testcard import TestCard
from framesrv.client.calls import BatchCall
from framesrv.client.encode import encode_frame, stream_batch
from framesrv.client.errors import CallFailed
from framesrv.client.frames import FrameLike
from framesrv.client.limits import Limits
from framesrv.client.plan import StreamPlan

_DIFFERENT: Final = 8  # pictures: the same again and again would flatter the caches


def pictures(image: Path | None, size: str, quality: int, *, raw: bool) -> list[FrameLike]:
    """Those of the test card, or the one image given."""
    if image is not None:
        if not image.is_file():
            raise Fault(f"--image {image}: there is no such file; give a JPEG, PNG or WebP file")
        only = next(image_source(image).pictures())
        if not isinstance(only, Picture):
            raise Fault(f"--image {image}: {only.why}")
        return [only.data]
    try:
        width, height, _ = synthetic_size(f"synthetic:{size}@30")
    except Fault:
        raise Fault(f"--size {size}: write WIDTHxHEIGHT, of 16 to 8192 pixels each") from None
    card = TestCard(width, height)
    drawn = [card.draw(37 * number) for number in range(_DIFFERENT)]
    return [*drawn] if raw else [encode_jpeg(pixels, quality) for pixels in drawn]


def bodies(plan: LoadPlan, frames: Sequence[FrameLike], limits: Limits) -> list[bytes]:
    """Messages that each hold a batch, in the form of the plan's mode."""
    pipeline = read_pipeline(plan.pipeline) if plan.pipeline else None
    made = []
    for first in range(len(frames)):
        batch = [frames[(first + place) % len(frames)] for place in range(plan.batch)]
        try:
            # The limits are checked in the one place that knows how.
            body = BatchCall(batch, pipeline, None).request(limits)
        except CallFailed as error:
            raise Fault(str(error)) from None
        if plan.mode == "stream":
            body = stream_batch([encode_frame(each, place) for place, each in enumerate(batch)])
        made.append(body)
        if sum(map(len, made)) > 256 * 1024 * 1024:
            break
    return made


def opening(plan: LoadPlan) -> bytes:
    """The first message of a stream."""
    pipeline = read_pipeline(plan.pipeline) if plan.pipeline else None
    window = min(65536, plan.batch * plan.messages_in_flight_max)
    return StreamPlan(pipeline, window=window, batch=1).open().SerializeToString()
