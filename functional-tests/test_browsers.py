"""Browsers: a tab that watches published streams, and one that is a camera, in real Chromium with
its fake media device."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import time_ns
from typing import Any, Final

import cv2
import numpy as np
import pytest
from chromium import ENTER, TAB, Browser, browser
from dashboard_page import NARROW, PALE, WIDE, hide
from pictures import as_it_is, coded, encoded
from props import HERE, Gate
from server_process import ServerProcess, running_server
from stock_client import Stream, connected
from watching import Publisher, Subscriber

from framesrv.cli.testcard import TestCard
from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

CAMERA: Final = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
RED, BLUE, GREEN = (0, 0, 230), (230, 0, 0), (0, 200, 0)
# A large picture is refused frame by frame, a small one is not.
LIMITS: Final = {"FRAMESRV_IMAGES_MAX_PIXELS": "400000"}


def plain(colour: tuple[int, int, int], width: int = 320, height: int = 180) -> bytes:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = colour
    return coded(pixels)


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("chromium"), *CAMERA) as found:
        yield found


@pytest.fixture(scope="module")
def server(chrome: Browser) -> Iterator[ServerProcess]:
    """After the browser: without one, there is nothing to start it for."""
    with running_server(
        *("--websocket", "--workers", "1", "--processor", "gate=tricks:gate"),
        environ=LIMITS,
        folder=HERE,
    ) as found:
        yield found
        assert not [line for line in found.logged() if line["level"] == "error"]


@pytest.fixture(scope="module")
def stub(server: ServerProcess) -> Iterator[FrameServiceStub]:
    with connected(server.grpc_address) as found:
        yield found


@pytest.fixture
def page(chrome: Browser) -> Iterator[Browser]:
    """A tab that complains of nothing."""
    chrome.look(*WIDE, "light")
    chrome.console()
    yield chrome
    chrome.open("about:blank")
    assert chrome.console() == []


def pixel(page: Browser, selector: str, x: float, y: float) -> list[int]:
    """Red, green and blue at this share of the canvas's width and height."""
    found: list[int] = page.run(
        """((canvas, x, y) => {
            if (!canvas?.dataset.drawn) return [-1, -1, -1];
            const copy = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
            copy.drawImage(canvas, -Math.floor(x * canvas.width), -Math.floor(y * canvas.height));
            return [...copy.getImageData(0, 0, 1, 1).data].slice(0, 3);
        })(document.querySelector(arguments[0]), arguments[1], arguments[2])""",
        selector, x, y,
    )  # fmt: skip
    return found


def is_near(found: list[int], bgr: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 30 for one, other in zip(found, bgr[::-1], strict=True))


def number(page: Browser, name: str) -> int:
    return int(page.text(f"#{name}").replace(",", ""))


# -- a tab that watches ------------------------------------------------------------------------


def watch(page: Browser, server: ServerProcess, query: str) -> None:
    page.open(f"{server.http_url}/watch{query}")


def tile(stream_id: str) -> str:
    return f'figure[data-stream="{stream_id}"]'


class TestWatching:
    def test_a_stream_is_shown_as_it_is_sent(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        door = Publisher(stub, "front/door?")
        door.send(data=plain(RED))
        watch(page, server, "?stream=front%2Fdoor%3F")
        canvas = f"{tile('front/door?')} canvas"
        page.until(lambda: is_near(pixel(page, canvas, 0.5, 0.5), RED), "no picture came")
        door.send(data=plain(BLUE))
        page.until(lambda: is_near(pixel(page, canvas, 0.5, 0.5), BLUE), "it stands still")
        assert page.text("#connection-text") == "live"
        page.until(lambda: "FPS" in page.text(f"{tile('front/door?')} .fps"), "no rate is told")
        door.end()
        page.until(lambda: "has ended" in page.text("#events"), "its end is not told")
        assert "The stream has ended" in page.text(tile("front/door?"))
        again = Publisher(stub, "front/door?")
        again.send(data=plain(GREEN))
        page.until(lambda: is_near(pixel(page, canvas, 0.5, 0.5), GREEN), "its successor is not")
        assert "has started" in page.text("#events")
        again.end()

    def test_the_mosaic_of_two_is_live(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        left, right = Publisher(stub, "left"), Publisher(stub, "right")
        watch(page, server, "?stream=left&stream=right&merge=1")
        for colours in ((RED, BLUE), (BLUE, GREEN)):

            def shown(colours: tuple[tuple[int, int, int], ...] = colours) -> bool:
                now = time_ns()
                for publisher, colour in zip((left, right), colours, strict=True):
                    publisher.send(data=plain(colour), captured_at_ns=now)
                found = [pixel(page, "canvas", x, 0.5) for x in (0.25, 0.75)]
                return all(map(is_near, found, colours))

            page.until(shown, f"the mosaic is not of {colours}")
        assert len(page.all("figure.tile")) == 1
        assert page.text("figcaption b") == "left + right"
        for publisher in (left, right):
            publisher.end()

    def test_all_that_are_published_and_those_that_start_later(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        first = Publisher(stub, "first")
        first.send(data=plain(RED))
        watch(page, server, "")
        page.until(lambda: is_near(pixel(page, f"{tile('first')} canvas", 0.5, 0.5), RED), "not it")
        later = Publisher(stub, "later")
        later.send(data=plain(GREEN))
        later_one = f"{tile('later')} canvas"
        page.until(lambda: is_near(pixel(page, later_one, 0.5, 0.5), GREEN), "not the later one")
        for publisher in (first, later):
            publisher.end()

    @pytest.mark.parametrize(
        ("form", "expected"),
        [
            (pb.PIXEL_FORMAT_BGR24, RED),
            (pb.PIXEL_FORMAT_RGB24, RED),
            (pb.PIXEL_FORMAT_RGBA32, RED),
            (pb.PIXEL_FORMAT_BGRA32, RED),
            (pb.PIXEL_FORMAT_GRAY8, (69, 69, 69)),
        ],
    )
    def test_pictures_that_are_not_encoded(
        self,
        page: Browser,
        server: ServerProcess,
        stub: FrameServiceStub,
        form: Any,
        expected: tuple[int, int, int],
    ) -> None:
        convert = pb.Op(convert=pb.Convert(format=form))
        raw = Publisher(stub, "raw", pipeline=as_it_is(pb.ENCODING_RAW, convert))
        raw.send(data=plain(RED, 33, 17))
        watch(page, server, "?stream=raw")
        page.until(lambda: is_near(pixel(page, "canvas", 0.9, 0.9), expected), "it is not as sent")
        raw.end()

    def test_a_hidden_tab_watches_nothing(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        door = Publisher(stub, "door")
        door.send(data=plain(RED))
        watch(page, server, "?stream=door")
        page.until(lambda: server.metric("framesrv_subscribers") == 1, "it does not watch")
        hide(page, True)
        page.until(lambda: server.metric("framesrv_subscribers") == 0, "it goes on watching")
        hide(page, False)
        page.until(lambda: server.metric("framesrv_subscribers") == 1, "it does not come back")
        door.end()

    def test_a_name_is_text_and_nothing_else(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        name = "<img src=x onerror=\"document.title='broken'\">\u202e"
        odd = Publisher(stub, name)
        odd.send(data=plain(RED))
        watch(page, server, "")
        page.until(lambda: page.run("document.querySelector('canvas')?.dataset.drawn"), "not shown")
        assert "⟨U+202E⟩" in page.text("figcaption b")
        odd.end()
        page.until(lambda: "has ended" in page.text("#events"), "its end is not told")
        assert page.run("document.querySelectorAll('main img').length") == 0

    def test_what_is_chosen_is_in_the_address(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        left, right = Publisher(stub, "left"), Publisher(stub, "right")
        watch(page, server, "?stream=left")
        page.until(lambda: len(page.all("#choices input")) == 2, "not both are offered")
        page.run("[...document.querySelectorAll('#choices input, #merge')].at(1).click()")
        page.run("document.getElementById('merge').click()")
        page.run("document.querySelector('#choice button').focus()")
        page.press(ENTER)
        wanted = f"{server.http_url}/watch?stream=left&stream=right&merge=1"
        page.until(lambda: page.driver.current_url == wanted, "it leads elsewhere")
        for publisher in (left, right):
            publisher.end()


# -- a tab that is a camera --------------------------------------------------------------------


def choose(page: Browser, **values: str | int) -> None:
    for name, value in values.items():
        page.run("document.getElementById(arguments[0]).value = arguments[1]", name, str(value))


def start(page: Browser, server: ServerProcess, **values: str | int) -> None:
    page.open(f"{server.http_url}/camera")
    choose(page, **values)
    page.run("document.getElementById('start').click()")


def processed(page: Browser, more: int = 3) -> None:
    """So many more pictures come back."""
    before = number(page, "ok")
    page.until(lambda: number(page, "ok") >= before + more, "no pictures come back")


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


# -- doors -------------------------------------------------------------------------------------


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


# -- looks -------------------------------------------------------------------------------------


class TestLayout:
    """The same pictures are in the documents: ``make screenshots`` names their folder."""

    def test_they_hold_wide_and_narrow_light_and_dark(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub, tmp_path: Path
    ) -> None:
        folder = Path(os.environ.get("FRAMESRV_SCREENSHOTS", tmp_path))
        card = TestCard(640, 360)
        door, yard = Publisher(stub, "front-door"), Publisher(stub, "yard/north")

        def send() -> bool:
            now = time_ns()
            door.send(data=coded(card.draw(door.next)), captured_at_ns=now)
            yard.send(data=coded(card.draw(yard.next + 400)), captured_at_ns=now)
            return True

        watch(page, server, "?stream=front-door&stream=yard%2Fnorth&merge=1")
        look_at(page, folder, "watch", lambda: send() and drawn(page) > 12)
        watch(page, server, "")
        look_at(page, None, "all", lambda: send() and len(page.all("canvas[data-drawn]")) == 2)
        for publisher in (door, yard):
            publisher.end()
        start(page, server, publish="desk")
        look_at(page, folder, "camera", lambda: number(page, "ok") > 20)
        long = Publisher(stub, "a-name-that-is-long-" * 5)
        long.send(data=plain(RED))
        watch(page, server, "")
        look_at(page, None, "long", lambda: len(page.all("canvas[data-drawn]")) == 1)
        long.end()


def drawn(page: Browser) -> int:
    return int(page.run("document.querySelector('canvas').dataset.drawn") or 0)


def look_at(page: Browser, folder: Path | None, name: str, ready: Callable[[], object]) -> None:
    page.until(ready, "there is nothing to see")
    for width, height in (WIDE, NARROW):
        for scheme in ("light", "dark"):
            page.look(width, height, scheme)
            page.until(lambda: page.run("innerWidth") == width, "no such width")  # noqa: B023
            ready()  # a picture is told as well, in the new size
            assert page.run("document.scrollingElement.scrollWidth") <= width
            assert page.run(PALE) == []
            if folder is not None and (scheme == "light") == (width == WIDE[0]):
                page.screenshot(folder / f"{name}-{scheme}-{width}.png")
    page.look(*WIDE, "light")
