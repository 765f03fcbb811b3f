"""Health over gRPC and /readyz are one: who sees the one change finds the other changed."""

from __future__ import annotations

import urllib.error

import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server_process import running_server
from stock_client import Stream, channel, connected

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICES = ("", "framesrv.v1.FrameService")


def test_a_drain_is_told_over_both_at_once() -> None:
    with (
        running_server("--grace", "30") as server,
        channel(server.grpc_address) as line,
        connected(server.grpc_address) as stub,
    ):
        health = health_pb2_grpc.HealthStub(line)
        asked = [health_pb2.HealthCheckRequest(service=name) for name in SERVICES]
        watches = [health.Watch(each, timeout=60) for each in asked]
        assert [next(watch).status for watch in watches] == [SERVING, SERVING]
        assert server.get("/readyz") == "ready\n"
        stream = Stream(stub)
        stream.ready()  # and so the drain lasts
        server.signal()
        assert next(watches[0]).status == NOT_SERVING
        with pytest.raises(urllib.error.HTTPError) as refusal:
            server.get("/readyz")
        with refusal.value as answer:
            assert answer.code == 503
            assert b"draining" in answer.read()
        assert health.Check(asked[1], timeout=60).status == NOT_SERVING
        assert next(watches[1]).status == NOT_SERVING
        assert server.get("/healthz")
        stream.half_close()
        stream.rest()
        assert server.wait() == 0
