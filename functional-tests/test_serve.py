"""``framesrv serve`` as a process: its ready line, its signals, and how it refuses to start."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from queue import SimpleQueue

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from server_process import (
    WAIT_S,
    ServerProcess,
    clean_environ,
    command,
    refused,
    running_server,
)

from framesrv.protocol.gen import frames_pb2, frames_pb2_grpc

RAW = frames_pb2.RawImage(
    layout=frames_pb2.ImageLayout(width=64, height=48, format=frames_pb2.PIXEL_FORMAT_BGR24),
    data=bytes(64 * 48 * 3),
)
FRAME = frames_pb2.Frame(raw=RAW)


def status(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    request = urllib.request.Request(url, headers=headers or {})  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def stub_of(channel: grpc.Channel) -> frames_pb2_grpc.FrameServiceStub:
    return frames_pb2_grpc.FrameServiceStub(channel)  # type: ignore[no-untyped-call]


def process(server: ServerProcess, frames: int = 1) -> list[int]:
    with grpc.insecure_channel(server.grpc_address) as channel:
        stub = stub_of(channel)
        request = frames_pb2.ProcessBatchRequest(frames=[FRAME] * frames)
        return [result.status for result in stub.ProcessBatch(request, timeout=WAIT_S).results]


class TestReady:
    def test_it_serves_grpc_and_http_and_prints_one_line(self) -> None:
        with running_server() as server:
            assert server.grpc_address.startswith("127.0.0.1:")
            assert not server.grpc_address.endswith(":0")
            assert process(server, 3) == [frames_pb2.FRAME_STATUS_OK] * 3
            assert status(server.http_url + "/healthz") == (200, "ok\n")
            assert status(server.http_url + "/readyz") == (200, "ready\n")
            assert server.metric("framesrv_frames_total", result="ok", reason="") == 3
            assert server.metric("framesrv_in_flight_frames") == 0
            assert server.metric("framesrv_frame_stage_seconds_count", stage="total") == 3
            assert server.metric("framesrv_pool_buffers", pool="answer", state="leased") == 0
            assert server.terminate() == 0
            assert server.rest_of_stdout() == ""
            assert "together" in server.stderr
            assert "Traceback" not in server.stderr

    def test_several_addresses_and_http_off(self, tmp_path: Path) -> None:
        path = tmp_path / "f.sock"
        with running_server(
            "--listen", "127.0.0.1:0", "--listen", f"unix:{path}", "--http", "off"
        ) as server:
            assert server.grpc_addresses[1] == f"unix:{path}"
            assert stat.S_ISSOCK(path.stat().st_mode)
            assert server.http_address == ""
            with grpc.insecure_channel(f"unix:{path}") as channel:
                stub = stub_of(channel)
                info = stub.GetServerInfo(frames_pb2.GetServerInfoRequest(), timeout=WAIT_S)
            assert list(info.transports) == ["tcp", "unix"]
            assert server.terminate() == 0
        assert not path.exists()

    def test_a_pipeline_and_a_processor_from_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text("def white(src, dst, options):\n    dst[...] = 255\n")
        file = tmp_path / "framesrv.toml"
        file.write_text(
            'processors = ["white=mine:white"]\n'
            'default_pipeline = "whole"\n'
            '[transport]\nlisten = ["127.0.0.1:0"]\n[http]\naddress = "127.0.0.1:0"\n'
            "[pipelines.whole]\n"
            'outputs = [{ name = "all", encoding = "raw", ops = ['
            '{ custom = { processor = "white" } }] }]\n'
        )
        with running_server("--config", str(file), folder=tmp_path) as server:
            with grpc.insecure_channel(server.grpc_address) as channel:
                stub = stub_of(channel)
                request = frames_pb2.ProcessBatchRequest(frames=[FRAME])
                result = stub.ProcessBatch(request, timeout=WAIT_S).results[0]
            assert result.outputs[0].name == "all"
            assert set(result.outputs[0].data) == {255}


class TestSignals:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_one_stops_it_in_order(self, number: signal.Signals) -> None:
        with running_server() as server:
            server.signal(number)
            assert server.wait() == 0
            assert "Traceback" not in server.stderr

    def test_a_drain_is_told_everywhere_and_loses_nothing(self) -> None:
        with running_server() as server, grpc.insecure_channel(server.grpc_address) as channel:
            stub = stub_of(channel)
            health = health_pb2_grpc.HealthStub(channel)
            watching = health.Watch(health_pb2.HealthCheckRequest(), timeout=WAIT_S)
            assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
            talk = Talk()
            answers = stub.ProcessStream(talk, timeout=WAIT_S)
            talk.say(frames_pb2.ProcessStreamRequest(open=frames_pb2.StreamConfig()))
            assert next(answers).WhichOneof("message") == "ready"
            talk.say(batch(5))
            server.signal()
            got = read_until_go_away(answers)
            # Everyone else is told, too, while the stream is still served.
            assert next(watching).status == health_pb2.HealthCheckResponse.NOT_SERVING
            assert status(server.http_url + "/readyz") == (503, "not ready: draining\n")
            assert status(server.http_url + "/healthz") == (200, "ok\n")
            watching.cancel()
            talk.end()
            got += [r for answer in answers for r in answer.results.results]
            assert len(got) == 5
            assert {r.status for r in got} <= {
                frames_pb2.FRAME_STATUS_OK,
                frames_pb2.FRAME_STATUS_FAILED,
            }
            assert server.wait() == 0

    def test_a_stream_that_stays_is_cut_off_after_the_grace(self) -> None:
        with (
            running_server("--grace", "0.2") as server,
            grpc.insecure_channel(server.grpc_address) as channel,
        ):
            talk = Talk()
            answers = stub_of(channel).ProcessStream(talk, timeout=2 * WAIT_S)
            talk.say(frames_pb2.ProcessStreamRequest(open=frames_pb2.StreamConfig()))
            next(answers)
            assert server.terminate() == 0
            talk.end()
            with pytest.raises(grpc.RpcError):
                list(answers)
            assert "the grace is over" in server.stderr

    def test_a_second_one_ends_it_at_once(self) -> None:
        with (
            running_server("--grace", "600") as server,
            grpc.insecure_channel(server.grpc_address) as channel,
        ):
            talk = Talk()
            answers = stub_of(channel).ProcessStream(talk, timeout=2 * WAIT_S)
            talk.say(frames_pb2.ProcessStreamRequest(open=frames_pb2.StreamConfig()))
            next(answers)
            server.signal()
            assert read_until_go_away(answers) == []
            server.signal()
            assert server.wait() == 128 + signal.SIGTERM
            talk.end()
            with pytest.raises(grpc.RpcError):
                list(answers)


class TestRefusals:
    @pytest.mark.parametrize("flag", ["--listen", "--http"])
    def test_a_port_in_use_is_one_clear_line(self, flag: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            code, out, err = refused(flag, address)
        assert (code, out) == (2, "")
        (told,) = [line for line in err.splitlines() if not line.startswith("{")]
        assert told.startswith("framesrv: cannot listen on " + address)

    @pytest.mark.parametrize("flag", ["--listen", "--http"])
    def test_a_second_server_does_not_share_a_port(self, flag: str) -> None:
        with running_server() as server:
            address = server.grpc_address if flag == "--listen" else server.http_address
            code, _, err = refused(flag, address)
        assert code == 2
        assert "cannot listen on " + address in err

    def test_every_fault_at_once_and_no_traceback(self, tmp_path: Path) -> None:
        file = tmp_path / "f.toml"
        file.write_text("[engine]\nwrokers = 2\npool_wait_s = -1\n")
        code, out, err = refused(
            "--config", str(file), "--listen", "nowhere", "--workers", "0", "--http", "1:2:3:x",
            environ={"FRAMESRV_LISTN": "x", "FRAMESRV_POOL_JPEG_CAPACITY": "0"},
        )  # fmt: skip
        assert (code, out) == (2, "")
        assert "Traceback" not in err
        for told in (
            "did you mean engine.workers?",
            "engine.pool_wait_s in",
            "--listen",
            "--workers is '0' and must be a whole number from 1 to 256; the nearest that works is",
            "--http",
            "did you mean FRAMESRV_LISTEN?",
            "FRAMESRV_POOL_JPEG_CAPACITY",
        ):
            assert told in err

    @pytest.mark.parametrize("flag", ["--listen", "--http"])
    def test_beyond_loopback_takes_tls_or_a_word(self, flag: str) -> None:
        code, _, err = refused(flag, "0.0.0.0:0")
        assert code == 2
        assert "--insecure-public" in err

    def test_insecure_public_is_warned_of(self) -> None:
        with running_server("--listen", "0.0.0.0:0", "--insecure-public") as server:
            warnings = [line for line in server.logged() if line["level"] == "warning"]
            assert any("--insecure-public" in line["event"] for line in warnings)
            assert not any("dashboard" in line["event"] for line in warnings)
        with running_server("--http", "0.0.0.0:0", "--insecure-public") as server:
            warnings = [line for line in server.logged() if line["level"] == "warning"]
            assert any("can see the dashboard" in line["event"] for line in warnings)

    def test_public_http_takes_a_token_and_asks_for_it(self, tmp_path: Path) -> None:
        assert "--http-token-file" in refused("--http", "0.0.0.0:0")[2]
        (tmp_path / "token").write_text("open-sesame\n")
        with running_server(
            "--http", "0.0.0.0:0", "--http-token-file", f"{tmp_path}/token"
        ) as server:
            warnings = [line["event"] for line in server.logged() if line["level"] == "warning"]
            assert any("has no TLS" in event for event in warnings)
            url = server.http_url.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - not listening
            assert status(url + "/healthz")[0] == status(url + "/readyz")[0] == 200
            assert status(url + "/metrics")[0] == status(url + "/nothing")[0] == 401
            assert status(url + "/metrics", {"Authorization": "Bearer open-sesam"})[0] == 401
            code, text = status(url + "/metrics", {"Authorization": "Bearer open-sesame"})
            assert code == 200
            assert "framesrv_build_info" in text


def test_show_config_says_where_each_value_is_from(tmp_path: Path) -> None:
    file = tmp_path / "f.toml"
    file.write_text("[engine]\nworkers = 3\nmax_in_flight_frames = 9\n[streams]\nmax_streams = 5\n")
    done = subprocess.run(
        command("serve", "--config", str(file), "--workers", "1", "--show-config"),
        env=clean_environ({"FRAMESRV_STREAMS_MAX_STREAMS": "7"}),
        check=True, capture_output=True, text=True, timeout=WAIT_S,
    )  # fmt: skip
    lines = {" ".join(line.split()) for line in done.stdout.splitlines()}
    assert "workers = 1 # --workers" in lines
    assert f"max_in_flight_frames = 9 # {file}" in lines
    assert "max_streams = 7 # FRAMESRV_STREAMS_MAX_STREAMS" in lines
    assert "retry_after_s = 0.1 # default" in lines


def batch(frames: int) -> frames_pb2.ProcessStreamRequest:
    return frames_pb2.ProcessStreamRequest(batch=frames_pb2.FrameBatch(frames=[FRAME] * frames))


class Talk:
    """The requests of a stream, said one by one."""

    def __init__(self) -> None:
        self._said: SimpleQueue[frames_pb2.ProcessStreamRequest | None] = SimpleQueue()

    def say(self, request: frames_pb2.ProcessStreamRequest) -> None:
        self._said.put(request)

    def end(self) -> None:
        self._said.put(None)

    def __iter__(self) -> Talk:
        return self

    def __next__(self) -> frames_pb2.ProcessStreamRequest:
        request = self._said.get()
        if request is None:
            raise StopIteration
        return request


def read_until_go_away(answers: object) -> list[frames_pb2.FrameResult]:
    results: list[frames_pb2.FrameResult] = []
    for answer in answers:  # type: ignore[attr-defined]
        if answer.WhichOneof("message") == "go_away":
            return results
        results += answer.results.results
    raise AssertionError("the stream ended without GoAway")
