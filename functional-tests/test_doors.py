"""Ways in: health, reflection, compression, TLS, sockets, and addresses that cannot be had."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from pictures import JPEG, coded, encoded, picture
from props import Running, serving
from stock_client import Stream, channel, connected, of_frame, refusal, stub_of

from framesrv.protocol.gen import frames_pb2 as pb

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("doors")) as found:
        yield found


def check_serves(line: grpc.Channel) -> None:
    stub = stub_of(line)
    request = pb.ProcessBatchRequest(frames=[encoded(JPEG)])
    assert stub.ProcessBatch(request, timeout=60).results[0].status == pb.FRAME_STATUS_OK
    stream = Stream(stub)
    stream.ready()
    stream.batch(encoded(JPEG))
    assert stream.results(1)[0].status == pb.FRAME_STATUS_OK
    stream.half_close()
    assert stream.rest() == []


# -- health and reflection ---------------------------------------------------------------------


def test_health(server: Running) -> None:
    with channel(server.address) as line:
        stub = health_pb2_grpc.HealthStub(line)
        for name in ("", "framesrv.v1.FrameService"):
            found = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=60)
            assert found.status == health_pb2.HealthCheckResponse.SERVING
        told = refusal(lambda: stub.Check(health_pb2.HealthCheckRequest(service="x"), timeout=60))
        assert told.code == "NOT_FOUND"


def test_health_says_when_the_server_drains(tmp_path: Path) -> None:
    with (
        serving(tmp_path, transport={"grace_s": 30.0}) as server,
        channel(server.address) as line,
        connected(server.address) as stub,
    ):
        states = health_pb2.HealthCheckResponse
        watch = health_pb2_grpc.HealthStub(line).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == states.SERVING
        stream = Stream(stub)
        stream.ready()
        server.terminate()
        assert next(watch).status == states.NOT_SERVING
        stream.half_close()
        stream.rest()
        assert server.wait() == 0, "who watches does not keep the server"


def test_reflection_tells_the_contract(server: Running) -> None:
    with channel(server.address) as line:
        database = ProtoReflectionDescriptorDatabase(line)
        assert "framesrv.v1.FrameService" in database.get_services()
        service = DescriptorPool(database).FindServiceByName("framesrv.v1.FrameService")
        assert {method.name for method in service.methods} == {
            "GetServerInfo",
            "ProcessBatch",
            "ProcessStream",
            "Subscribe",
        }
        batch = service.methods_by_name["ProcessBatch"].input_type
        frame = batch.fields_by_name["frames"].message_type
        assert frame is not None
        assert frame.full_name == "framesrv.v1.Frame"


def test_the_limits_that_are_told_are_those_that_hold(tmp_path: Path) -> None:
    with (
        serving(
            tmp_path,
            wire={"max_batch_frames": 3},
            images={"max_pixels": 64 * 48, "max_side_pixels": 64},
            streams={"max_in_flight_frames": 5},
            transport={"listen": ["127.0.0.1:0", f"unix:{tmp_path}/s"]},
        ) as server,
        connected(server.address) as stub,
    ):
        info = stub.GetServerInfo(pb.GetServerInfoRequest(), timeout=60)
        assert (info.max_batch_frames, info.max_pixels, info.max_side_pixels) == (3, 3072, 64)
        assert list(info.transports) == ["tcp", "unix"]
        assert info.max_in_flight_frames == Stream(stub).ready().max_in_flight_frames == 5
        fits, too_large = stub.ProcessBatch(
            pb.ProcessBatchRequest(frames=[encoded(JPEG), encoded(coded(picture(64, 49)))]),
            timeout=60,
        ).results
        assert fits.status == pb.FRAME_STATUS_OK
        assert of_frame(too_large).reason == "IMAGE_TOO_LARGE"


# -- compression -------------------------------------------------------------------------------


def test_compressed_requests(server: Running) -> None:
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        with grpc.insecure_channel(server.address, compression=compression) as line:
            check_serves(line)


def test_a_message_that_unpacks_to_too_much(tmp_path: Path) -> None:
    """224 MiB of zeros are little on the wire; the cap is on what they become."""
    with serving(tmp_path) as server:
        request = pb.ProcessBatchRequest(frames=[encoded(bytes(224 * MIB))])
        with grpc.insecure_channel(
            server.address,
            compression=grpc.Compression.Gzip,
            options=[("grpc.max_send_message_length", -1)],
        ) as line:
            stub = stub_of(line)
            before = server.rss_bytes
            assert refusal(lambda: stub.ProcessBatch(request, timeout=60)).code == (
                "RESOURCE_EXHAUSTED"
            )
            check_serves(line)
        peak = int(
            Path(f"/proc/{server.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
        )
        assert peak * 1024 - before < 150 * MIB, peak


# -- TLS ---------------------------------------------------------------------------------------


def openssl(*args: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate")
    subprocess.run(["openssl", *args], check=True, capture_output=True)  # noqa: S607


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server and a client signed by it, and a stranger."""
    folder = tmp_path_factory.mktemp("certificates")
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    for name in ("ca", "stranger"):
        openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"),
        )
    for name in ("server", "client"):
        openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}"),
            *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr"),
        )
        openssl(
            *("x509", "-req", "-days", "2", "-in", f"{folder}/{name}.csr", "-CAcreateserial"),
            *("-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-extfile", str(names)),
            *("-out", f"{folder}/{name}.pem"),
        )
    return folder


def secure(address: str, folder: Path, name: str = "") -> grpc.Channel:
    key = (folder / f"{name}.key").read_bytes() if name else None
    chain = (folder / f"{name}.pem").read_bytes() if name else None
    authority = (folder / "ca.pem").read_bytes()
    options = [("grpc.use_local_subchannel_pool", 1)]
    credentials = grpc.ssl_channel_credentials(authority, key, chain)
    return grpc.secure_channel(address, credentials, options)


def test_tls(tmp_path: Path, certificates: Path) -> None:
    tls = {
        "tls_cert": str(certificates / "server.pem"),
        "tls_key": str(certificates / "server.key"),
    }
    with serving(tmp_path, transport=tls) as server:
        with secure(server.address, certificates) as line:
            check_serves(line)
        with channel(server.address) as plain:
            assert refusal(lambda: _info(plain)).code == "UNAVAILABLE"


def test_mutual_tls(tmp_path: Path, certificates: Path) -> None:
    tls = {
        "tls_cert": str(certificates / "server.pem"),
        "tls_key": str(certificates / "server.key"),
        "tls_client_ca": str(certificates / "ca.pem"),
    }
    with serving(tmp_path, transport=tls) as server:
        with secure(server.address, certificates, "client") as line:
            check_serves(line)
        for name in ("", "stranger"):
            with secure(server.address, certificates, name) as refused:
                assert refusal(lambda refused=refused: _info(refused)).code == "UNAVAILABLE"  # type: ignore[misc]


def _info(line: grpc.Channel) -> pb.ServerInfo:
    found: pb.ServerInfo = stub_of(line).GetServerInfo(pb.GetServerInfoRequest(), timeout=60)
    return found


# -- addresses ---------------------------------------------------------------------------------


def test_a_unix_socket_and_two_ports(tmp_path: Path) -> None:
    path = tmp_path / "framesrv.sock"
    listen = ["127.0.0.1:0", f"unix:{path}", "[::1]:0"]
    with serving(tmp_path, transport={"listen": listen}) as server:
        assert len(set(server.addresses)) == 3
        for address in server.addresses:
            assert not address.endswith(":0")
            with channel(address) as line:
                check_serves(line)
    assert not path.exists()


def test_a_socket_file_that_a_dead_server_left(tmp_path: Path) -> None:
    path = tmp_path / "framesrv.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with (
        serving(tmp_path, transport={"listen": [f"unix:{path}"]}) as server,
        channel(server.address) as line,
    ):
        check_serves(line)


@pytest.mark.parametrize("kind", ["tcp", "unix", "file", "folder", "public"])
def test_an_address_that_cannot_be_had(tmp_path: Path, kind: str) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as unix:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        unix.bind(str(tmp_path / "taken"))
        unix.listen()
        (tmp_path / "file").touch()
        address = {
            "tcp": f"127.0.0.1:{tcp.getsockname()[1]}",
            "unix": f"unix:{tmp_path}/taken",
            "file": f"unix:{tmp_path}/file",
            "folder": f"unix:{tmp_path}/none/such",
            "public": "0.0.0.0:0",
        }[kind]
        with (
            pytest.raises(AssertionError, match="cannot listen"),
            serving(tmp_path, transport={"listen": ["127.0.0.1:0", address]}),
        ):
            pass
        assert (tmp_path / "file").exists()
        assert (tmp_path / "taken").exists()


def test_two_servers_do_not_share_a_port(tmp_path: Path) -> None:
    with (
        serving(tmp_path) as first,
        pytest.raises(AssertionError, match="cannot listen"),
        serving(tmp_path, transport={"listen": [first.address]}),
    ):
        pass
