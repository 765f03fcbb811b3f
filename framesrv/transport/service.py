"""The calls of the contract, bound to what answers them. Requests arrive as raw bytes."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc

from framesrv import codecs
from framesrv.protocol.gen import frames_pb2
from framesrv.transport.batch import process_batch
from framesrv.transport.errors import refuse
from framesrv.transport.info import read_info_request, server_info
from framesrv.transport.office import Office
from framesrv.transport.patrol import Patrol
from framesrv.transport.stream import StreamCall, process_stream
from framesrv.transport.subscribe import SubscribeCall, subscribe

SERVICE: Final = frames_pb2.DESCRIPTOR.services_by_name["FrameService"].full_name


class Service:
    def __init__(self, office: Office, limits: codecs.Limits) -> None:
        self.office = office
        self._limits = limits
        self.streams: set[StreamCall] = set()
        self.subscribers: set[SubscribeCall] = set()
        self.patrol = Patrol(self.subscribers, office.fan_out.stall_s)
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:
        return {
            "GetServerInfo": grpc.unary_unary_rpc_method_handler(
                self._info, response_serializer=frames_pb2.ServerInfo.SerializeToString
            ),
            "ProcessBatch": grpc.unary_unary_rpc_method_handler(self._batch),
            "ProcessStream": grpc.stream_stream_rpc_method_handler(self._stream),
            "Subscribe": grpc.unary_stream_rpc_method_handler(self._subscribe),
        }

    async def _info(self, data: bytes, context: Any) -> frames_pb2.ServerInfo:
        try:
            # Read here: what gRPC says of a message that it cannot read is not ours.
            read_info_request(data)
            return server_info(self.office, self._limits)
        except Exception as error:
            await refuse(context, error, self.office.refusals, method="GetServerInfo")

    async def _batch(self, data: bytes, context: Any) -> bytes:
        self._enter(context)
        return await process_batch(self.office, data, context)

    async def _stream(self, _: Any, context: Any) -> None:
        self._enter(context)
        await process_stream(self.office, self.streams, context)

    async def _subscribe(self, data: bytes, context: Any) -> None:
        self._enter(context)
        await subscribe(self.office, self.subscribers, data, context)

    def drain(self, grace_s: float) -> None:
        """Take no new calls and no new frames, and tell the streams."""
        self.office.draining = True
        for stream in self.streams:
            stream.go_away(grace_s)
        for subscriber in self.subscribers:
            subscriber.go_away(grace_s)
        self.office.goodbyes.drain()

    async def quiet(self) -> None:
        """Until no call is left."""
        await self._quiet.wait()

    def _enter(self, context: Any) -> None:
        self._calls += 1
        self._quiet.clear()
        context.add_done_callback(self._leave)  # after the handler, when the status has been sent

    def _leave(self, _: Any) -> None:
        self._calls -= 1
        if not self._calls:
            self._quiet.set()
