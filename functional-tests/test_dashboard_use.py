"""The dashboard as people use it: with keys, in every size, and by looking at streams."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import ENTER, ESCAPE, LEFT, TAB, Browser
from dashboard_load import busy, cameras
from dashboard_page import FRAME, NARROW, PALE, WIDE, after_refreshes, dashboard_server, show
from server_process import ServerProcess
from stock_client import connected

from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub


@pytest.fixture(scope="module")
def server(chrome: Browser) -> Iterator[ServerProcess]:
    """After the browser: without one, there is nothing to start it for."""
    with dashboard_server() as found:
        yield found


@pytest.fixture(scope="module")
def stub(server: ServerProcess) -> Iterator[FrameServiceStub]:
    with connected(server.grpc_address) as found:
        yield found


class TestUsable:
    def test_every_control_is_reached_and_worked_by_keys_in_the_order_of_the_page(
        self, page: Browser, stub: FrameServiceStub
    ) -> None:
        with cameras(stub, FRAME, {"door": 30.0}, publish=True):
            page.until(lambda: page.run("document.querySelector('#streams button')"), "no stream")
            reached: list[str] = []
            for _ in range(30):
                page.press(TAB)
                name = page.run(
                    "(e => e.id || e.closest('figure')?.id || e.textContent.trim())"
                    "(document.activeElement)"
                )
                if not reached or name != reached[0]:
                    reached.append(name)
            controls = [
                "Skip to the plots", "theme", "plot-fps", "plot-latency", "plot-trouble",
                "Preview", "Configuration and worst-case memory", "metrics", "snapshot",
            ]  # fmt: skip
            assert [name for name in reached if name in controls][: len(controls)] == controls

    def test_keys_read_a_plot(self, page: Browser, stub: FrameServiceStub) -> None:
        with cameras(stub, FRAME, {"door": 30.0}):
            page.until(lambda: "ms" in page.text("#plot-latency .legend b"), "no data")
            page.run("document.querySelector('#plot-latency svg.plot').focus()")
            page.press(LEFT)
            told = page.run(
                "document.querySelector('#plot-latency svg.plot').getAttribute('aria-valuetext')"
            )
            assert re.search(r"\d:\d\d:\d\d .*: p50 .*, p95 .*, p99 ", told), told
            # At once, since it is drawn anew each second.
            times = page.run("[...document.querySelectorAll('.when')].map(e => e.textContent)")
            assert len(times) == 3
            assert len(set(times)) == 1
            page.press(ESCAPE)
            assert not page.all(".when")

    def test_the_theme_is_kept(self, page: Browser, server: ServerProcess) -> None:
        def background() -> str:
            return str(page.run("getComputedStyle(document.body).backgroundColor"))

        light = background()
        page.run("document.getElementById('theme').focus()")
        page.press(ENTER)
        assert (page.text("#theme"), background()) == ("Theme: light", light)
        page.press(ENTER)
        dark = background()
        assert page.text("#theme") == "Theme: dark"
        assert dark != light
        show(page, server)
        assert (page.text("#theme"), background()) == ("Theme: dark", dark)
        page.run("localStorage.clear()")

    def test_a_published_stream_can_be_looked_at_and_is_not_after_that(
        self, page: Browser, stub: FrameServiceStub
    ) -> None:
        def asked() -> int:
            return int(
                page.run(
                    "performance.getEntriesByType('resource')"
                    ".filter(entry => entry.name.includes('/preview')).length"
                )
            )

        with (
            cameras(stub, FRAME, {"front/door?": 30.0}, publish=True),
            cameras(stub, FRAME, {"private": 10.0}),
        ):
            page.until(
                lambda: page.run("document.querySelectorAll('#streams tbody tr').length") == 2,
                "the streams are not shown",
            )
            (button,) = [b for b in page.all("#streams button") if b.is_displayed()]
            assert button.get_attribute("aria-label") == "Preview front/door?"
            page.run("arguments[0].focus()", button)
            page.press(ENTER)
            page.until(
                lambda: page.run("document.getElementById('preview-image').naturalWidth") > 0,
                "no picture came",
            )
            assert page.text("#preview-title") == "front/door?"
            page.until(lambda: asked() >= 3, "the picture stands still")
            page.press(ESCAPE)
            page.until(lambda: not page.one("#preview").is_displayed(), "it stays open")
            assert page.run("document.activeElement === arguments[0]", button)
            before = asked()
            after_refreshes(page, 2)  # two seconds, and so four pictures
            assert asked() <= before + 1  # one may have been on its way

    def test_the_configuration_is_there_to_be_opened(self, page: Browser) -> None:
        page.run("document.querySelector('summary').focus()")
        page.press(ENTER)
        page.until(lambda: "workers" in page.text("#settings"), "nothing is shown")
        told = page.text("#configuration")
        assert "--previews" in told
        assert "together, the budget" in told
        assert re.search(r"rgba_320\s+3\.1.MiB", told)


LAYOUT = """(() => {
    const places = name => [...document.querySelectorAll(name)].map(part => {
        // What sticks out of a row counts, too.
        const all = [part, ...part.querySelectorAll("td, th")].map(p => p.getBoundingClientRect());
        const most = (edge, of) => of(...all.filter(r => r.width).map(r => r[edge]));
        const told = part.id || part.className || part.textContent;
        return [told, most("left", Math.min), most("top", Math.min),
                most("right", Math.max), most("bottom", Math.max)];
    }).filter(([, left]) => Number.isFinite(left));
    const inner = ["tbody tr", ".errors li", ".readings div"].map(places);
    return [innerWidth, document.scrollingElement.scrollWidth, [places(".top, .panel"), ...inner]];
})()"""


class TestLayout:
    """The same pictures are in the documents: ``make screenshots`` names their folder, and waits
    until the plots are full."""

    def test_it_holds_wide_and_narrow_light_and_dark(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub, tmp_path: Path
    ) -> None:
        wanted = os.environ.get("FRAMESRV_SCREENSHOTS")
        folder, points = (Path(wanted), 285) if wanted else (tmp_path, 3)
        with busy(server, every_s=65 if wanted else 5):
            page.until(
                lambda: (
                    page.run("document.querySelectorAll('#streams tbody tr').length") >= 5
                    and len(page.text("#errors")) > 0
                    and points_drawn(page) >= points
                ),
                "there is nothing to see",
                patience_s=600 if wanted else 30,
            )
            for width, height in (WIDE, NARROW):
                for scheme in ("light", "dark"):
                    page.look(width, height, scheme)
                    page.until(lambda: page.run("innerWidth") == width, "no such width")  # noqa: B023
                    check_layout(page, width)
                    page.screenshot(folder / f"dashboard-{scheme}-{width}.png")


def points_drawn(page: Browser) -> int:
    return len(
        str(page.run("document.querySelector('.line.fps[d]')?.getAttribute('d')")).split("L")
    )


def check_layout(page: Browser, width: int) -> None:
    inner, scrolled, places = page.run(LAYOUT)
    assert inner == width
    assert scrolled <= inner
    assert len(places[0]) == 9  # the header and the panels; the others are what is in them
    for beside in places:
        for at, (one, left, top, right, bottom) in enumerate(beside):
            assert 0 <= left < right <= inner, one
            for other, left_2, top_2, right_2, bottom_2 in beside[:at]:
                across = min(right, right_2) - max(left, left_2)
                down = min(bottom, bottom_2) - max(top, top_2)
                assert min(across, down) <= 1, f"{one} overlaps {other}"  # borders may touch
    assert page.run(PALE) == []
