"""Cameras that take their pictures at the same moments, and one who watches them merged.

All in one event loop, so that one clock says when the cameras were answered and when the merged
frame came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import perf_counter, time_ns
from typing import Any, Final

import grpc
from google.protobuf.duration_pb2 import Duration

from benchmarks.serving import streaming
from benchmarks.serving.audience import SUBSCRIBE
from benchmarks.serving.calls import channel
from benchmarks.serving.load import STREAM
from framesrv.protocol.gen import frames_pb2 as pb

_WAIT_S: Final = 60.0
_AHEAD: Final = 3  # windows until the first picture is due


@dataclass(slots=True)
class Watched:
    """By number of the window."""

    answered: dict[int, float] = field(default_factory=dict)  # when the last camera had its answer
    came: dict[int, float] = field(default_factory=dict)  # when its merged frame came
    order: list[int] = field(default_factory=list)  # in which they came
    whole: set[int] = field(default_factory=set)  # with a frame of every camera, and a picture
    gaps: int = 0


def watched(
    target: str,
    frames: Sequence[Any],
    cameras: int,
    count: int,
    *,
    length_ns: int,
    lateness_ns: int,
) -> Watched:
    """Each camera sends ``count`` frames, one a window, when it is taken."""
    names = [f"camera-{number}" for number in range(cameras)]
    request = pb.SubscribeRequest(
        stream_ids=names,
        merge=pb.MergeWindow(
            length=Duration(nanos=length_ns),
            lateness=Duration(nanos=lateness_ns),
            mosaic=pb.Mosaic(alone=True),
        ),
        wait=True,
    )
    found = Watched()

    async def run() -> None:
        async with asyncio.timeout(_WAIT_S + count * length_ns / 1e9), AsyncExitStack() as stack:
            links = [await stack.enter_async_context(channel(target, at)) for at in range(3)]
            subscribe: Any = links[0].unary_stream(SUBSCRIBE)
            watch = subscribe(request.SerializeToString())
            await watch.wait_for_connection()
            calls = [await _opened(links[at % 3], name) for at, name in enumerate(names)]
            first = time_ns() // length_ns + _AHEAD
            began = perf_counter() + (first * length_ns - time_ns()) / 1e9
            async with asyncio.TaskGroup() as group:
                group.create_task(_watch(watch, length_ns, cameras, found))
                for call in calls:
                    group.create_task(_answers(call, first, found))
                for turn in range(count):
                    due = began + turn * length_ns / 1e9
                    await asyncio.sleep(max(0.0, due - perf_counter()))
                    frame = pb.Frame()
                    frame.CopyFrom(frames[turn % len(frames)])
                    frame.sequence = turn
                    frame.captured_at_ns = (first + turn) * length_ns
                    message = streaming.batch([frame])
                    for call in calls:
                        await call.write(message)
                for call in calls:
                    await call.done_writing()

    asyncio.run(run())
    return found


async def _opened(link: grpc.aio.Channel, name: str) -> Any:
    stream: Any = link.stream_stream(STREAM)
    call = stream()
    await call.write(streaming.opening(publish=name))
    await call.read()  # ready
    return call


async def _answers(call: Any, first: int, found: Watched) -> None:
    while (data := await call.read()) is not grpc.aio.EOF:
        now = perf_counter()
        for result in pb.ProcessStreamResponse.FromString(data).results.results:
            if result.status != pb.FRAME_STATUS_OK:
                raise RuntimeError(f"a frame was not published: {result.error}")
            found.answered[first + result.sequence] = now


async def _watch(call: Any, length_ns: int, cameras: int, found: Watched) -> None:
    """Until all cameras have ended."""
    live = cameras
    while live:
        data = await call.read()
        now = perf_counter()
        told = pb.SubscribeResponse.FromString(data)
        live -= told.event.state == pb.StreamEvent.STATE_ENDED
        found.gaps += told.gap.dropped_frames
        if told.HasField("merged"):
            number = told.merged.window_open_ns // length_ns
            found.came.setdefault(number, now)
            found.order.append(number)
            if told.merged.complete and told.merged.mosaic.data:
                found.whole.add(number)
    call.cancel()
