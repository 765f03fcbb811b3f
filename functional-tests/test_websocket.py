"""WebSocket on the real server, with a stock client: the same calls, limits and errors as gRPC."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import websocket
from pictures import JPEG, as_it_is, coded, encoded, picture
from props import HERE, PATIENCE_S, Gate
from server_process import ServerProcess, refused, running_server
from stock_client import Stream, connected
from web_client import PROCESS, SUBSCRIBE, web_call

from framesrv.protocol.gen import frames_pb2 as pb

LIMITS = {
    "FRAMESRV_TRANSPORT_MAX_MESSAGE_BYTES": "2000000",
    "FRAMESRV_STREAMS_MAX_STREAMS": "8",
    "FRAMESRV_STREAMS_MAX_IN_FLIGHT_FRAMES": "16",
    "FRAMESRV_WIRE_MAX_BATCH_FRAMES": "20",
}


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server(
        *("--websocket", "--workers", "1", "--processor", "gate=tricks:gate"),
        environ=LIMITS,
        folder=HERE,
    ) as found:
        yield found
        assert_at_rest(found)
        frames = counted(found)
        assert found.terminate() == 0
        assert received(found) == frames > 0
        assert not [line for line in found.logged() if line["level"] == "error"]


@pytest.fixture(autouse=True)
def at_rest(server: ServerProcess) -> Iterator[None]:
    """Whatever was done: no lease is out, nothing in flight, no stream open."""
    yield
    assert_at_rest(server)


def assert_at_rest(server: ServerProcess) -> None:
    until(lambda: not leftovers(server))


def until(holds: Callable[[], object]) -> None:
    end_s, pause = time.monotonic() + PATIENCE_S, threading.Event()
    while not holds():
        assert time.monotonic() < end_s
        pause.wait(0.02)


def streams(server: ServerProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(server.get("/api/snapshot"))["streams"]["shown"]
    return found


def leftovers(server: ServerProcess) -> dict[str, float]:
    found = {}
    for line in server.get("/metrics").splitlines():
        name, _, value = line.rpartition(" ")
        watched = (
            (name.startswith("framesrv_pool_buffers{") and 'state="leased"' in name)
            or name in {"framesrv_in_flight_frames", "framesrv_subscribers"}
            or (name.startswith("framesrv_streams{"))
        )
        if watched and float(value):
            found[name] = float(value)
    return found


def counted(server: ServerProcess) -> int:
    """Frames that were ok, failed or dropped."""
    lines = server.get("/metrics").splitlines()
    found = [line for line in lines if line.startswith("framesrv_frames_total{")]
    return round(sum(float(line.rpartition(" ")[2]) for line in found))


def received(server: ServerProcess) -> int:
    """Of all streams that there were, by their last lines in the log."""
    ended = server.logged("stream ended")
    assert len(server.logged("stream opened")) == len(ended) > 0
    return sum(line["received"] for line in ended)


def codes(results: list[pb.FrameResult]) -> list[str]:
    return [result.error.reason or "OK" for result in results]


class TestProcess:
    def test_pictures_are_those_of_grpc_bit_by_bit(self, server: ServerProcess) -> None:
        frames = [encoded(coded(picture(seed=n)), n) for n in range(5)]
        with connected(server.grpc_address) as stub:
            stream = Stream(stub, pipeline=as_it_is())
            stream.ready()
            stream.batch(*frames)
            expected = stream.results(5)
            stream.half_close()
            stream.rest()
        with web_call(server) as call:
            ready = call.open(pipeline=as_it_is())
            assert ready.max_in_flight_frames == 16
            assert ready.max_batch_frames == 20
            call.batch(*frames)
            got = call.results(5)
            call.half_close()
            assert call.rest() == []
            assert call.ended == (0, "", 1000)
        assert [(r.sequence, r.outputs[0].data) for r in got] == [
            (r.sequence, r.outputs[0].data) for r in expected
        ]

    def test_a_bad_frame_fails_alone(self, server: ServerProcess) -> None:
        with web_call(server) as call:
            call.open()
            call.batch(encoded(JPEG, 1), encoded(b"junk", 2), encoded(JPEG, 3, crc32c=1))
            assert codes(call.results(3)) == ["OK", "IMAGE_CORRUPT", "CRC_MISMATCH"]
            call.half_close()
            call.rest()
            assert call.ended == (0, "", 1000)

    @pytest.mark.parametrize(
        ("policy", "expected"),
        [
            (pb.DROP_POLICY_OLDEST, ["OK", *["DROPPED_BY_POLICY"] * 4, "OK", "OK", "OK"]),
            (pb.DROP_POLICY_NEWEST, ["OK", "OK", "OK", "OK", *["DROPPED_BY_POLICY"] * 4]),
            (pb.DROP_POLICY_BLOCK, ["OK"] * 8),
        ],
    )
    def test_the_drop_policies_are_those_of_grpc(
        self, server: ServerProcess, tmp_path: Path, policy: Any, expected: list[str]
    ) -> None:
        """The first frame holds the only worker."""
        config = {"drop_policy": policy, "max_in_flight_frames": 4}
        read = 5 if policy == pb.DROP_POLICY_BLOCK else 8  # before the first one is done

        def send(batch: Callable[..., None], gate: Gate) -> None:
            batch(encoded(JPEG, 0))
            gate.wait_for(1)
            for number in range(1, 8):
                batch(encoded(JPEG, number))
            until(lambda: [row["received"] for row in streams(server)] == [read])
            gate.open()

        gate = Gate(tmp_path)
        with connected(server.grpc_address) as stub:
            stream = Stream(stub, pipeline=gate.pipeline, **config)
            stream.ready()
            send(stream.batch, gate)
            assert codes(stream.results(8)) == expected
            stream.half_close()
            stream.rest()
        until(lambda: not streams(server))
        gate = Gate(tmp_path)
        with web_call(server) as call:
            call.open(pipeline=gate.pipeline, **config)
            send(call.batch, gate)
            assert codes(call.results(8)) == expected

    @pytest.mark.parametrize(
        ("message", "code", "reason"),
        [
            (pb.ProcessStreamRequest(batch=pb.FrameBatch(frames=[encoded(JPEG)])),
             9, "STREAM_NOT_OPEN"),
            (pb.ProcessStreamRequest(open=pb.StreamConfig(publish=True)), 3, "BAD_CONFIG"),
            (pb.ProcessStreamRequest(open=pb.StreamConfig(pipeline_name="nobody's")),
             5, "UNKNOWN_PIPELINE"),
            (pb.ProcessStreamRequest(open=pb.StreamConfig(pipeline=pb.Pipeline())),
             3, "BAD_PIPELINE"),
            (b"\x0a\xff", 3, "MALFORMED_MESSAGE"),
            (bytes(range(256)) * 10, 3, "MALFORMED_MESSAGE"),
        ],
    )  # fmt: skip
    def test_a_call_that_is_refused(
        self, server: ServerProcess, message: Any, code: int, reason: str
    ) -> None:
        with web_call(server) as call:
            call.send(message)
            assert call.rest() == []
            assert call.ended == (code, reason, 4000 + code)
            assert call.status["message"]

    def test_too_many_frames_in_a_batch_end_the_call(self, server: ServerProcess) -> None:
        with web_call(server) as call:
            call.open()
            call.batch(*[encoded(JPEG)] * 21)
            call.rest()
            assert call.ended == (3, "BATCH_TOO_LARGE", 4003)

    def test_a_text_is_no_message(self, server: ServerProcess) -> None:
        with web_call(server) as call:
            call.open()
            call.line.send("{}")
            call.rest()
            assert call.ended == (3, "MALFORMED_MESSAGE", 4003)

    def test_a_name_that_another_publishes(self, server: ServerProcess) -> None:
        with connected(server.grpc_address) as stub, web_call(server) as call:
            first = Stream(stub, stream_id="door", publish=True)
            first.ready()
            call.send(pb.ProcessStreamRequest(open=pb.StreamConfig(stream_id="door", publish=True)))
            call.rest()
            assert call.ended == (6, "STREAM_TAKEN", 4006)
            first.half_close()
            first.rest()

    def test_too_many_streams(self, server: ServerProcess) -> None:
        with ExitStack() as held:
            for _ in range(8):
                held.enter_context(web_call(server)).open()
            call = held.enter_context(web_call(server))
            call.send(pb.ProcessStreamRequest(open=pb.StreamConfig()))
            call.rest()
            assert call.ended == (8, "TOO_MANY_STREAMS", 4008)
            assert call.status["retry_after_s"] > 0

    def test_too_large_a_message(self, server: ServerProcess) -> None:
        with web_call(server) as call:
            call.open()
            call.batch(encoded(bytes(2_500_000)))
            assert call.rest() == []
            assert (call.close_code, call.status) == (1009, {})

    def test_clients_that_vanish(self, server: ServerProcess) -> None:
        for number in range(20):
            with web_call(server) as call:
                call.open()
                for _ in range(number % 4):
                    call.batch(*[encoded(JPEG)] * 10)
                call.line.sock.close()  # type: ignore[union-attr]


class TestSubscribe:
    def test_what_a_browser_publishes_and_what_grpc_publishes(self, server: ServerProcess) -> None:
        with (
            web_call(server) as camera,
            web_call(server, SUBSCRIBE) as viewer,
            connected(server.grpc_address) as stub,
        ):
            viewer.send(pb.SubscribeRequest(stream_ids=["web", "grpc"], wait=True))
            camera.open(stream_id="web", publish=True)
            stream = Stream(stub, stream_id="grpc", publish=True)
            stream.ready()
            seen: dict[str, list[int]] = {"web": [], "grpc": []}
            number = 0
            while not all(seen.values()):  # the subscription may come after the first ones
                camera.batch(encoded(JPEG, number))
                stream.batch(encoded(JPEG, number))
                camera.results(1)
                stream.results(1)
                number += 1
                while (news := viewer.news()) is not None:
                    if news.WhichOneof("message") == "frame":
                        seen[news.frame.stream_id].append(news.frame.sequence)
                        assert news.frame.outputs[0].data
                        break
            camera.half_close()
            camera.rest()
            stream.half_close()
            stream.rest()

    def test_an_unknown_stream(self, server: ServerProcess) -> None:
        with web_call(server, SUBSCRIBE) as viewer:
            viewer.send(pb.SubscribeRequest(stream_ids=["nobody"]))
            assert viewer.news() is None
            assert viewer.ended == (5, "UNKNOWN_STREAM", 4005)

    def test_a_request_that_is_none(self, server: ServerProcess) -> None:
        with web_call(server, SUBSCRIBE) as viewer:
            viewer.send(b"\xff\xff")
            assert viewer.news() is None
            assert viewer.ended == (3, "MALFORMED_MESSAGE", 4003)


class TestDoors:
    def test_a_page_of_another_site(self, server: ServerProcess) -> None:
        for path in (PROCESS, SUBSCRIBE):
            for origin in ("http://evil.example", "null", f"https://{server.http_address}"):
                with (
                    pytest.raises(websocket.WebSocketBadStatusException, match="403"),
                    web_call(server, path, origin=origin),
                ):
                    pass

    def test_a_name_that_was_made_to_lead_here(self, server: ServerProcess) -> None:
        with (
            pytest.raises(websocket.WebSocketBadStatusException, match="421"),
            web_call(server, host="evil.example", origin="http://evil.example"),
        ):
            pass

    def test_without_the_token(self, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("s3cret")
        with running_server("--websocket", "--http-token-file", str(token)) as guarded:
            for header in ({}, {"Authorization": "Bearer wrong"}):
                with (
                    pytest.raises(websocket.WebSocketBadStatusException, match="401"),
                    web_call(guarded, header=header),
                ):
                    pass
            with web_call(guarded, header={"Authorization": "Bearer s3cret"}) as call:
                call.open()
                call.half_close()
                call.rest()
                assert call.ended == (0, "", 1000)

    def test_it_is_off_unless_it_is_asked_for(self) -> None:
        with (
            running_server() as closed,
            pytest.raises(websocket.WebSocketBadStatusException, match="404"),
            web_call(closed),
        ):
            pass

    def test_in_plaintext_from_other_machines_it_is_not_offered(self, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("s3cret")
        public = ("--http", "0.0.0.0:0", "--http-token-file", str(token))
        code, _, told = refused(*public, "--websocket")
        assert code == 2
        assert "--websocket" in told
        assert "--tls-cert" in told


class TestDrain:
    def test_what_was_accepted_is_answered_and_then_it_says_good_bye(self, tmp_path: Path) -> None:
        gate = Gate(tmp_path)
        with (
            running_server(
                "--websocket", "--grace", "30", "--processor", "gate=tricks:gate", folder=HERE
            ) as server,
            web_call(server) as call,
        ):
            call.open(pipeline=gate.pipeline)
            call.batch(encoded(JPEG, 1), encoded(JPEG, 2))
            gate.wait_for(1)
            server.signal()
            message = call.read()
            assert message is not None
            assert message.WhichOneof("message") == "go_away"
            call.batch(encoded(JPEG, 3))
            gate.open()
            assert codes(call.results(3)) == ["OK", "OK", "DRAINING"]
            call.half_close()
            assert call.rest() == []
            assert call.ended == (0, "", 1000)
            call.line.close()
            assert server.wait() == 0
            assert server.logged("drained")
            (line,) = server.logged("stream ended")
            assert (line["received"], line["ok"], line["failed"]) == (3, 2, 1)

    def test_who_is_left_when_the_grace_is_over_is_told(self) -> None:
        with running_server("--websocket", "--grace", "0") as server, web_call(server) as call:
            call.open()
            server.signal()
            call.rest()
            assert call.ended == (14, "DRAINING", 4014)
            call.line.close()
            assert server.wait() == 0
