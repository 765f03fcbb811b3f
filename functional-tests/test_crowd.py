"""Thousands of calls at once: each is heard, whatever becomes of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any, Final

import grpc
from server_process import running_server

from framesrv.protocol.gen import frames_pb2 as pb

_CALLS: Final = 4000  # of 1,000 that wait to be looked at, gRPC would by itself refuse some
_CONNECTIONS: Final = 20
_BATCH: Final = "/framesrv.v1.FrameService/ProcessBatch"


def test_calls_that_wait_to_be_looked_at_are_not_refused_by_grpc() -> None:
    with running_server() as server:
        codes = asyncio.run(_at_once(server.grpc_address))
    assert codes == {grpc.StatusCode.OK: _CALLS}


async def _at_once(address: str) -> dict[grpc.StatusCode, int]:
    request = pb.ProcessBatchRequest(request_id="r").SerializeToString()
    codes: dict[grpc.StatusCode, int] = {}
    async with AsyncExitStack() as stack:
        sends: list[Any] = []
        for number in range(_CONNECTIONS):
            channel = grpc.aio.insecure_channel(address, options=[("test.connection", number)])
            sends.append((await stack.enter_async_context(channel)).unary_unary(_BATCH))
        calls = [sends[number % _CONNECTIONS](request) for number in range(_CALLS)]
        for call in calls:
            code = await call.code()
            codes[code] = codes.get(code, 0) + 1
    return codes
