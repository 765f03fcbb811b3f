"""Browsers: a tab that watches published streams, alone and as a mosaic; and how all pages look."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time_ns
from typing import Any

import pytest
from chromium import ENTER, Browser
from dashboard_page import NARROW, PALE, WIDE, hide
from live_pages import (
    BLUE,
    GREEN,
    RED,
    calm_tab,
    camera_browser,
    is_near,
    live_server,
    number,
    pixel,
    plain,
    start,
    tile,
    watch,
)
from pictures import as_it_is, coded
from server_process import ServerProcess
from stock_client import connected
from watching import Publisher

from framesrv.cli.testcard import TestCard
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
