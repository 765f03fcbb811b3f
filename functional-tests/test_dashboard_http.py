"""The server side of the dashboard, on the real server: its numbers, its pictures, its end."""

from __future__ import annotations

import json
import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flit_core import buildapi  # type: ignore[import-untyped]
from pictures import JPEG, as_it_is, coded, encoded, picture
from server_process import ServerProcess, running_server
from stock_client import Stream, connected

from framesrv.protocol.gen import frames_pb2 as pb

ROOT = Path(__file__).resolve().parent.parent
HANG_S = 60.0
Json = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with running_server("--previews") as found:
        yield found


@contextmanager
def watching(server: ServerProcess) -> Iterator[HTTPResponse]:
    connection = HTTPConnection(server.http_address, timeout=HANG_S)
    connection.request("GET", "/api/events")
    try:
        yield connection.getresponse()
    finally:
        connection.close()


def next_snapshot(answer: HTTPResponse) -> Json | None:
    kind = ""
    while line := answer.readline().decode():
        name, _, value = line.rstrip("\n").partition(": ")
        kind = value if name == "event" else kind
        if name == "data" and kind == "snapshot":
            return json.loads(value)  # type: ignore[no-any-return]
    return None


def snapshot(server: ServerProcess) -> Json:
    return json.loads(server.get("/api/snapshot"))  # type: ignore[no-any-return]


def until(server: ServerProcess, holds: Callable[[Json], object]) -> Json:
    end_s, pause = time.monotonic() + HANG_S, threading.Event()
    while not holds(found := snapshot(server)):
        assert time.monotonic() < end_s, found
        pause.wait(0.05)
    return found


def total(server: ServerProcess, result: str) -> float:
    """All reasons together."""
    lines = server.get("/metrics").splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith("framesrv_frames_total{") and f'result="{result}"' in line
    )


def test_the_totals_agree_with_the_metrics(server: ServerProcess) -> None:
    with connected(server.grpc_address) as stub:
        stream = Stream(stub, stream_id="counted", max_in_flight_frames=16)
        stream.ready()
        before = snapshot(server)
        stream.batch(*[encoded(JPEG, n) for n in range(7)], encoded(b"junk"), encoded(b"junk"))
        stream.results(9)
        # Its row is written when the answers have gone out, which is after the totals.
        found = until(server, lambda s: _settled(_row(s, "counted"), 9))
        assert found["totals"]["ok"] == before["totals"]["ok"] + 7
        assert found["totals"]["failed"] == before["totals"]["failed"] + 2
        for result in ("ok", "failed", "dropped"):
            assert found["totals"][result] == total(server, result)
        row = _row(found, "counted")
        assert (row["received"], row["ok"], row["failed"], row["dropped"]) == (9, 7, 2, 0)
        assert (row["in_flight"], row["window"], row["published"]) == (0, 16, False)
        assert found["errors"][0]["reason"] == "IMAGE_CORRUPT"
        assert found["errors"][0]["stream"] == "counted"
        stream.half_close()
        stream.rest()
    gone = until(server, lambda s: s["streams"]["open"] == 0)
    assert gone["streams"]["shown"] == []


def test_refused_frames_of_a_stream_are_counted_too(server: ServerProcess) -> None:
    """Those that no worker ever sees: dropped because the window is full."""
    with connected(server.grpc_address) as stub:
        stream = Stream(
            stub, stream_id="newest", max_in_flight_frames=1, drop_policy=pb.DROP_POLICY_NEWEST
        )
        stream.ready()
        stream.batch(*[encoded(JPEG, number) for number in range(20)])
        statuses = [result.status for result in stream.results(20)]
        row = _row(until(server, lambda s: _settled(_row(s, "newest"), 20)), "newest")
        assert (row["received"], row["failed"]) == (20, 0)
        assert row["dropped"] == statuses.count(pb.FRAME_STATUS_DROPPED) > 0
        stream.half_close()
        stream.rest()
    until(server, lambda s: s["streams"]["open"] == 0)


def _settled(row: Json, frames: int) -> bool:
    """So many frames are answered, and none is in flight any more."""
    answered: int = sum(row[kind] for kind in ("ok", "failed", "dropped"))
    return (answered, row["in_flight"]) == (frames, 0)


def _row(found: Json, stream_id: str) -> Json:
    (row,) = (row for row in found["streams"]["shown"] if row["id"] == stream_id)
    return row  # type: ignore[no-any-return]


def test_fifty_dashboards_under_load_hear_it_all_and_change_nothing(server: ServerProcess) -> None:
    stop, sent = threading.Event(), queue.SimpleQueue[int]()

    def load() -> None:
        with connected(server.grpc_address) as stub:
            request = pb.ProcessBatchRequest(frames=[encoded(JPEG, n) for n in range(8)])
            count = 0
            while not stop.is_set():
                answer = stub.ProcessBatch(request, timeout=HANG_S)
                count += sum(r.status == pb.FRAME_STATUS_OK for r in answer.results)
            sent.put(count)

    before = snapshot(server)["totals"]["ok"]
    sender = threading.Thread(target=load)
    sender.start()
    try:
        numbers = _fifty_watch(server)
    finally:
        stop.set()
        sender.join(HANG_S)
    assert max(numbers) > 0, "frames a second, seen while they were sent"
    assert snapshot(server)["totals"]["ok"] == before + sent.get(timeout=HANG_S)


def _fifty_watch(server: ServerProcess) -> list[float]:
    lines = [watching(server) for _ in range(50)]
    answers = [line.__enter__() for line in lines]
    try:
        seen = [[next_snapshot(answer) for _ in range(4)] for answer in answers]
        assert "framesrv_build_info" in server.get("/metrics"), "there is room for a scraper"
    finally:
        for line in lines:
            line.__exit__(None, None, None)
    assert all(found is not None for found in seen[0])
    return [found["point"]["fps"] for each in seen for found in each if found is not None]


def test_pictures_of_a_published_stream(server: ServerProcess) -> None:
    shown = picture(64, 48, seed=5)
    name = "hall/cam 1"
    with connected(server.grpc_address) as stub:
        stream = Stream(stub, stream_id=name, publish=True, pipeline=as_it_is(pb.ENCODING_PNG))
        stream.ready()
        assert _row(until(server, lambda s: s["streams"]["shown"]), name)["preview"]
        answer: Any = None
        for number in range(1000):
            stream.batch(encoded(coded(shown, ".png"), number))
            stream.results(1)
            if (answer := _preview(server, name))[0] == 200:
                break
        status, content_type, data = answer
        assert (status, content_type) == (200, "image/png")
        seen = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        assert np.array_equal(seen, shown)
        stream.half_close()
        stream.rest()
    until(server, lambda s: not s["streams"]["open"])
    assert _preview(server, name)[0] == 404, "gone with its stream"


def _preview(server: ServerProcess, name: str) -> tuple[int, str, bytes]:
    url = f"{server.http_url}/api/streams/{urllib.parse.quote(name, safe='')}/preview"
    try:
        with urllib.request.urlopen(url, timeout=HANG_S) as answer:  # noqa: S310
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "", error.read()


def test_the_configuration_that_holds(tmp_path: Path) -> None:
    file = tmp_path / "of" / "framesrv.toml"
    file.parent.mkdir()
    (tmp_path / "of" / "token").write_text("open-sesame")
    file.write_text(
        "[engine]\nworkers = 1\n[http]\naddress = '127.0.0.1:0'\n[transport]\n"
        f"listen = ['127.0.0.1:0', 'unix:{tmp_path}/of/socket']\n"
    )
    with running_server("--config", str(file), environ={"FRAMESRV_LOG_LEVEL": "debug"}) as server:
        text = server.get("/api/config")
        worst = json.loads(text)
    found = {each["name"]: (each["value"], each["origin"]) for each in worst["settings"]}
    assert found["engine.workers"] == ("1", "framesrv.toml")
    assert found["log.level"] == ("debug", "FRAMESRV_LOG_LEVEL")
    assert found["streams.max_streams"] == ("1024", "default")
    assert found["transport.listen"] == ("127.0.0.1:0,unix:socket", "framesrv.toml")
    assert found["pool.json.capacity"] == ("16", "default")
    assert str(tmp_path) not in text
    pools = {each["name"]: each["bytes"] for each in worst["pools"]}
    assert {"json", "jpeg", "answer"} <= set(pools)
    assert sum(pools.values()) + worst["elastic_bytes"] == worst["budget_bytes"]


def test_of_the_token_only_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "http_token").write_text("open-sesame")
    with running_server("--http-token-file", str(tmp_path / "http_token")) as server:
        asked = urllib.request.Request(  # noqa: S310
            f"{server.http_url}/api/config", headers={"Authorization": "Bearer open-sesame"}
        )
        with urllib.request.urlopen(asked, timeout=HANG_S) as answer:  # noqa: S310
            text = answer.read().decode()
        assert "open-sesame" not in text + server.stderr
    found = {each["name"]: each["value"] for each in json.loads(text)["settings"]}
    assert found["http.token_file"] == "http_token"


def test_a_drain_is_seen_until_the_end(tmp_path: Path) -> None:
    """A stream holds the drain; the dashboards are told, and then the server waits for none."""
    with running_server("--grace", "30") as server, watching(server) as answer:
        assert next_snapshot(answer) is not None
        with connected(server.grpc_address) as stub:
            stream = Stream(stub)
            stream.ready()
            server.signal()
            states = [""]
            while states[-1] != "draining":
                found = next_snapshot(answer)
                assert found is not None, states
                states.append(found["server"]["state"])
            for _ in range(2):
                found = next_snapshot(answer)
                assert found is not None
                assert found["server"]["state"] == "draining"
                assert found["streams"]["open"] == 1
            stream.half_close()
            stream.rest()
        while (found := next_snapshot(answer)) is not None:
            states.append(found["server"]["state"])
        assert states[-1] == "stopped"
        assert server.wait() == 0
        assert not [line for line in server.logged() if line["level"] == "error"]


def test_a_slow_end_of_dashboards_is_not_waited_for() -> None:
    with running_server() as server:
        lines = [HTTPConnection(server.http_address, timeout=HANG_S) for _ in range(50)]
        for line in lines:
            line.request("GET", "/api/events")  # and nothing is ever read
        begun_s = time.monotonic()
        assert server.terminate() == 0
        assert time.monotonic() - begun_s < 10
        for line in lines:
            line.close()


def test_the_page_is_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / buildapi.build_wheel(str(tmp_path))
    inside = set(zipfile.ZipFile(wheel).namelist())
    page = ROOT / "framesrv" / "observability" / "http" / "dashboard"
    files = {file.relative_to(ROOT).as_posix() for file in page.rglob("*") if file.is_file()}
    assert "framesrv/observability/http/dashboard/index.html" in files
    assert files <= inside
