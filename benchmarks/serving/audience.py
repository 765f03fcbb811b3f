"""Those who watch, in a process of their own: ``python -m benchmarks.serving.audience``.

Its arguments are a server's address and the method by which it tells. It answers each line on its
input by a line of JSON, and ends with its input. A stock client: what it costs is not the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final

import grpc

from benchmarks.serving.calls import channel
from benchmarks.serving.load import OPTIONS
from framesrv.protocol.gen import frames_pb2 as pb

SUBSCRIBE: Final = "/framesrv.v1.FrameService/Subscribe"
_FRAME: Final = 0x0A  # the first byte of a message that holds a frame
_READING: Final = "reading"
_ON_A_CONNECTION: Final = {_READING: 10, "stalled": 250}  # servers allow 256 calls on one
# Without it gRPC makes a window of megabytes for a call that nobody reads.
_NARROW: Final = (*OPTIONS, ("grpc.http2.bdp_probe", 0))
_POLL_S: Final = 0.002
_WAIT_S: Final = 120.0


# Of each listener, by how it listened: frames that came, and frames that it was told it missed.
Finished = Mapping[str, Sequence[tuple[int, int]]]


def finished(answer: str) -> Finished:
    found: Finished = json.loads(answer)
    return found


class Listener:
    """One subscriber: what it was told, until the stream ended."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self.frames = 0
        self.missed = 0  # of which the server told
        self.reader: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self.reader is None:
            self.reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        while (data := await self.call.read()) is not grpc.aio.EOF:
            if data[0] == _FRAME:  # not read any further: the server is measured
                self.frames += 1
            elif self._is_end(data):
                return

    def _is_end(self, data: bytes) -> bool:
        if data == b"ready":  # the bare server's greeting
            return False
        told = pb.SubscribeResponse.FromString(data)
        self.missed += told.gap.dropped_frames
        return told.event.state == pb.StreamEvent.STATE_ENDED


class Audience:
    def __init__(self, target: str, method: str) -> None:
        self._target = target
        self._method = method
        self._links = AsyncExitStack()
        self._listeners: dict[str, list[Listener]] = {_READING: [], "stalled": []}

    async def answer(self, line: str) -> Any:
        question, *words = line.split()
        async with asyncio.timeout(_WAIT_S):
            return await getattr(self, question)(*words)

    async def join(self, stream_id: str, count: str, how: str = _READING) -> None:
        """All of them are there when it is answered; ``stalled`` take nothing."""
        request = pb.SubscribeRequest(stream_ids=[stream_id], wait=True).SerializeToString()
        joined = []
        for number in range(int(count)):
            if number % _ON_A_CONNECTION[how] == 0:
                options = OPTIONS if how == _READING else _NARROW
                link = await self._links.enter_async_context(channel(self._target, number, options))
                listen: Any = link.unary_stream(self._method)
            joined.append(Listener(listen(request)))
        await asyncio.gather(*(one.call.wait_for_connection() for one in joined))
        self._listeners[how] += joined
        if how == _READING:
            for one in joined:
                one.start()

    async def until(self, frames: str) -> None:
        """Each of those who read has so many."""
        readers = self._listeners[_READING]
        while min(one.frames for one in readers) < int(frames):
            await asyncio.sleep(_POLL_S)

    async def finish(self) -> Finished:
        """When the stream has ended, and all have read to its end."""
        for one in self._listeners["stalled"]:
            one.start()
        readers = [one.reader for some in self._listeners.values() for one in some if one.reader]
        await asyncio.gather(*readers)
        return {
            how: [(one.frames, one.missed) for one in some] for how, some in self._listeners.items()
        }

    async def leave(self) -> None:
        readers = []
        for some in self._listeners.values():
            for one in some:
                one.call.cancel()
                if one.reader is not None:
                    one.reader.cancel()
                    readers.append(one.reader)
            some.clear()
        await asyncio.gather(*readers, return_exceptions=True)
        await self._links.aclose()


async def main(target: str, method: str) -> None:
    audience = Audience(target, method)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await audience.answer(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
