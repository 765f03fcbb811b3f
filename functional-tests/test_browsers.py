"""Browsers: a tab that is a camera, in real Chromium with its fake device; and who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest
from chromium import ENTER, TAB, Browser
from dashboard_page import WIDE
from live_pages import (
    RED,
    calm_tab,
    camera_browser,
    choose,
    live_server,
    number,
    pixel,
    plain,
    processed,
    start,
)
from pictures import encoded
from props import Gate
from server_process import ServerProcess, running_server
from stock_client import Stream, connected
from watching import Publisher, Subscriber

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with camera_browser(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture(scope="module")
def server(chrome: Browser) -> Iterator[ServerProcess]:
    """After the browser: without one, there is nothing to start it for."""
    with live_server() as found:
        yield found


@pytest.fixture(scope="module")
def stub(server: ServerProcess) -> Iterator[FrameServiceStub]:
    with connected(server.grpc_address) as found:
        yield found


@pytest.fixture
def page(chrome: Browser) -> Iterator[Browser]:
    with calm_tab(chrome) as found:
        yield found


class TestCamera:
    def test_its_pictures_come_back_processed(self, page: Browser, server: ServerProcess) -> None:
        start(page, server, pipeline="grey")
        processed(page, 10)
        red, green, blue = pixel(page, "#processed", 0.5, 0.5)
        assert max(red, green, blue) - min(red, green, blue) < 10
        assert page.text("#processed-about") == page.text("#original-about") == "640 x 480"
        choose(page, pipeline="small")
        page.run("document.getElementById('start').click()")
        page.until(lambda: page.text("#processed-about") == "160 x 120", "the old ones come on")
        red, green, blue = pixel(page, "#processed", 0.5, 0.5)
        assert green > 80 > red, "the fake camera is green"
        page.run("document.getElementById('stop').click()")
        page.until(lambda: number(page, "flight") == 0, "something is still awaited")
        assert page.text("#connection-text") == "not started"
        counts = [number(page, name) for name in ("sent", "ok", "failed", "dropped")]
        assert counts[0] >= sum(counts[1:]) >= counts[1] > 0

    def test_what_it_publishes_reaches_a_subscriber_over_grpc(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        start(page, server, publish="desk", pipeline="small")
        page.until(lambda: page.one("#watch").is_displayed(), "there is no link to watch it")
        subscriber = Subscriber(stub, "desk", wait=True)
        frame = next(
            message.frame
            for message in iter(subscriber.read, None)
            if message.WhichOneof("message") == "frame"
        )
        seen = cv2.imdecode(np.frombuffer(frame.outputs[0].data, np.uint8), cv2.IMREAD_COLOR)
        assert seen is not None
        assert seen.shape == (120, 160, 3)
        assert frame.captured_at_ns > 0
        subscriber.call.cancel()
        page.run("document.getElementById('watch').click()")
        assert page.driver.current_url == f"{server.http_url}/watch?stream=desk"

    def test_a_name_that_is_taken_is_told_in_words(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        taken = Stream(stub, stream_id="taken", publish=True)
        taken.ready()
        start(page, server, publish="taken")
        told = page.until(lambda: page.text("#trouble"), "nothing is told")
        assert "Somebody else publishes a stream of this name." in told
        assert "STREAM_TAKEN" in told
        assert page.text("#connection-text") == "refused"
        assert page.text("#start") == "Start the camera"
        choose(page, publish="free")
        page.run("document.getElementById('start').click()")
        processed(page)
        assert not page.one("#trouble").is_displayed()
        taken.half_close()
        taken.rest()

    def test_frames_that_fail_are_counted_and_explained(
        self, page: Browser, server: ServerProcess
    ) -> None:
        start(page, server, size=1280)
        page.until(lambda: number(page, "failed") > 3, "none failed")
        assert number(page, "ok") == 0
        assert page.text("#connection-text") == "live"
        told = page.text("#last-error")
        assert "more pixels than the server takes" in told
        assert "IMAGE_TOO_LARGE" in told

    @pytest.mark.parametrize("policy", [2, 3])
    def test_frames_that_are_dropped_are_counted_and_explained(
        self,
        page: Browser,
        server: ServerProcess,
        stub: FrameServiceStub,
        tmp_path: Path,
        policy: int,
    ) -> None:
        """The only worker is held."""
        gate = Gate(tmp_path)
        held = stub.ProcessBatch.future(
            pb.ProcessBatchRequest(pipeline=gate.pipeline, frames=[encoded(plain(RED))])
        )
        gate.wait_for(1)
        start(page, server, policy=policy, window=1, fps=30)
        page.until(lambda: number(page, "sent") > 4, "nothing is sent")
        gate.open()
        held.result()
        page.until(lambda: number(page, "dropped") > 0, "none was dropped")
        assert "as the drop policy has it" in page.text("#last-error")
        processed(page)

    def test_it_goes_on_after_a_restart_of_the_server(self, chrome: Browser) -> None:
        chrome.look(*WIDE, "light")
        with running_server("--websocket") as first:
            start(chrome, first, publish="desk")
            processed(chrome)
            address = first.http_address
            assert first.terminate() == 0
        chrome.until(lambda: "lost" in chrome.text("#connection-text"), "it did not notice")
        with running_server("--websocket", "--http", address) as second:
            chrome.until(lambda: chrome.text("#connection-text") == "live", "it stayed away")
            processed(chrome)
            assert second.logged("stream opened")[0]["stream_id"] == "desk"
        chrome.open("about:blank")
        assert all("net::ERR" in line or "WebSocket" in line for line in chrome.console())

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("NotAllowedError", "The camera was not allowed."),
            ("NotFoundError", "No camera was found."),
            ("NotReadableError", "Another program may have it."),
        ],
    )
    def test_a_camera_that_cannot_be_had(
        self, page: Browser, server: ServerProcess, name: str, words: str
    ) -> None:
        page.open(f"{server.http_url}/camera")
        page.run(
            "navigator.mediaDevices.getUserMedia = () => "
            "Promise.reject(new DOMException('', arguments[0]))".replace("arguments[0]", repr(name))
        )
        page.run("document.getElementById('start').click()")
        page.until(lambda: words in page.text("#trouble"), "nothing is told")
        assert page.text("#connection-text") == "not started"

    def test_by_keys_alone(self, page: Browser, server: ServerProcess) -> None:
        page.open(f"{server.http_url}/camera")
        reached = []
        for _ in range(20):
            page.press(TAB)
            reached.append(page.run("document.activeElement.id || document.activeElement.text"))
            if reached[-1] == "start":
                break
        assert reached == [
            "Skip to the pictures", "Dashboard", "Watch streams", "theme",
            "pipeline", "size", "fps", "policy", "window", "publish", "start",
        ]  # fmt: skip
        page.press(ENTER)
        processed(page)


class TestDoors:
    def test_the_dashboard_leads_to_both_pages(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        door = Publisher(stub, "a door")
        page.open(server.http_url)
        link = page.until(lambda: page.all("#streams a"), "the stream has no link")[0]
        assert link.get_attribute("href") == f"{server.http_url}/watch?stream=a+door"
        assert link.get_attribute("aria-label") == "Watch a door"
        assert [one.text for one in page.all("#pages a") if one.is_displayed()] == [
            "Watch streams",
            "Try it with your webcam",
        ]
        door.end()

    def test_nothing_leads_there_where_it_is_off(self, page: Browser) -> None:
        with running_server() as closed, connected(closed.grpc_address) as stub:
            door = Publisher(stub, "door")
            page.open(closed.http_url)
            page.until(lambda: page.all("#streams tbody tr"), "the stream is not shown")
            links = [*page.all("#pages a"), *page.all("#streams a")]
            assert not any(link.is_displayed() for link in links)
            door.end()
            page.open("about:blank")

    def test_a_login_leads_back_to_what_was_asked_for(self, page: Browser, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("s3cret")
        with running_server("--websocket", "--http-token-file", str(token)) as guarded:
            page.open(f"{guarded.http_url}/watch?stream=a%26b&merge=1")
            page.one("input[name=token]").send_keys("s3cret\n")
            wanted = f"{guarded.http_url}/watch?stream=a%26b&merge=1"
            page.until(lambda: page.driver.current_url == wanted, "it leads elsewhere")
            with connected(guarded.grpc_address) as stub:
                door = Publisher(stub, "a&b")
                page.until(lambda: "has started" in page.text("#events"), "it is not let in")
                door.end()
            page.open("about:blank")
            page.console()  # of the login, it would like to know the name of a user

    def test_a_page_of_another_site_gets_no_pictures(
        self, chrome: Browser, server: ServerProcess
    ) -> None:
        """Of another port of this machine: from elsewhere, the browser itself would not let it."""
        with another_site() as url:
            for path in ("ws/process", "ws/subscribe"):
                chrome.open(url)
                chrome.run(
                    """(url => {
                        window.told = "";
                        const socket = new WebSocket(url);
                        for (const kind of ["open", "close"])
                            socket.addEventListener(kind, () => { window.told ||= kind; });
                    })(arguments[0])""",
                    f"ws://{server.http_address}/{path}",
                )
                assert chrome.until(lambda: chrome.run("window.told"), "it hangs") == "close"
        refused = server.logged("an HTTP request was refused")
        assert [line["path"] for line in refused if line["reason"] == "foreign_origin"] == [
            "/ws/process",
            "/ws/subscribe",
        ]
        chrome.open("about:blank")
        chrome.console()


class Evil(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody wants to know."""


@contextmanager
def another_site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}/"
        finally:
            site.shutdown()
            thread.join()
