"""The dashboard as people see it: its numbers are true, and nothing breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from chromium import Browser
from dashboard_load import cameras
from dashboard_page import (
    EVENTS_ENDED,
    FRAME,
    JUNK,
    after_refreshes,
    dashboard_server,
    hide,
    number,
    show,
)
from prometheus_client.parser import text_string_to_metric_families
from props import Gate
from server_process import ServerProcess, running_server
from stock_client import connected, refusal

from framesrv.protocol.gen import frames_pb2 as pb
from framesrv.protocol.gen.frames_pb2_grpc import FrameServiceStub

HOSTILE: Final = (
    "<img src=x onerror=\"document.title='broken'\">",
    "\"></bdi><script>document.title='broken'</script>",
    "\u202egnp.exe",
    "x" * 200,
)


@pytest.fixture(scope="module")
def server(chrome: Browser) -> Iterator[ServerProcess]:
    """After the browser: without one, there is nothing to start it for."""
    with dashboard_server() as found:
        yield found


@pytest.fixture(scope="module")
def stub(server: ServerProcess) -> Iterator[FrameServiceStub]:
    with connected(server.grpc_address) as found:
        yield found


def metrics(server: ServerProcess, name: str, **labels: str) -> int:
    """All samples of that name that have these labels, together."""
    families = text_string_to_metric_families(server.get("/metrics"))
    return int(
        sum(
            sample.value
            for family in families
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
    )


TOTALS: Final[dict[str, Callable[[ServerProcess], int]]] = {
    "#total-ok": lambda server: metrics(server, "framesrv_frames_total", result="ok"),
    "#total-failed": lambda server: metrics(server, "framesrv_frames_total", result="failed"),
    "#total-dropped": lambda server: metrics(server, "framesrv_frames_total", result="dropped"),
    "#total-refused": lambda server: metrics(server, "framesrv_refused_calls_total"),
}


class TestHonest:
    def test_during_a_load_its_totals_lie_between_the_scrapes_around_them(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        with cameras(stub, FRAME, {"one": 60, "two": 45}):
            for _ in range(2):
                page.until(lambda: number(page, "#total-ok") > 0, "nothing was counted")
                before = TOTALS["#total-ok"](server)
                # The next may have been on its way already; the one after it was not.
                after_refreshes(page, 2)
                shown = number(page, "#total-ok")
                after = TOTALS["#total-ok"](server)
                assert 0 < before <= shown <= after
            assert float(page.text("#plot-fps .legend b").split()[0]) > 0

    def test_after_a_load_its_totals_are_those_of_the_metrics(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        stub.ProcessBatch(pb.ProcessBatchRequest(frames=[FRAME, JUNK, JUNK]), timeout=20)
        unknown = pb.ProcessBatchRequest(pipeline_name="nobody's", frames=[FRAME])
        for _ in range(3):
            assert refusal(lambda: stub.ProcessBatch(unknown, timeout=20)).code == "NOT_FOUND"
        expected = {selector: read(server) for selector, read in TOTALS.items()}
        assert expected["#total-failed"] >= 2
        assert expected["#total-refused"] >= 3
        page.until(
            lambda: {selector: number(page, selector) for selector in TOTALS} == expected,
            f"it never showed {expected}",
        )
        told = page.text("#errors")
        assert "IMAGE_CORRUPT" in told
        assert "UNKNOWN_PIPELINE" in told

    def test_each_pool_has_a_bar_as_long_as_its_numbers_say(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub, tmp_path: Path
    ) -> None:
        gate = Gate(tmp_path)
        held = stub.ProcessBatch.future(
            pb.ProcessBatchRequest(pipeline=gate.pipeline, frames=[FRAME]), timeout=60
        )
        try:
            gate.wait_for(1)
            shown: dict[str, dict[str, Any]] = {}

            def agree() -> bool:
                """Both asked anew each time: what is idle for long is given back meanwhile."""
                shown.update(bars(page))
                return of_page(shown) == of_metrics(server)

            page.until(agree, "it never showed what the metrics say")
            pools = of_page(shown)
            assert sum(leased for _, leased, _, _ in pools.values()) > 0
            for name, bar in shown.items():
                capacity, *states = pools[name]
                assert bar["told"].startswith(
                    "{}: {} leased, {} quarantined, {} idle of {}".format(name, *states, capacity)
                )
                wanted = [max(100 * count / capacity, 1) if count else 0 for count in states]
                assert bar["widths"] == pytest.approx(wanted, abs=0.01), name
                assert bar["starts"] == pytest.approx([0, wanted[0], sum(wanted[:2])], abs=0.01)
        finally:
            gate.open()
            held.result()


def of_metrics(server: ServerProcess) -> dict[str, list[int]]:
    """By pool: capacity, leased, quarantined, idle."""
    found: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(server.get("/metrics")):
        for sample in family.samples:
            if sample.name in {"framesrv_pool_capacity", "framesrv_pool_buffers"}:
                kind = sample.labels.get("state", "capacity")
                found.setdefault(sample.labels["pool"], {})[kind] = int(sample.value)
    order = ("capacity", "leased", "quarantined", "idle")
    return {pool: [counts[kind] for kind in order] for pool, counts in found.items()}


def of_page(shown: dict[str, dict[str, Any]]) -> dict[str, list[int]]:
    """The same, as it is told beside each of the ``bars`` to those who cannot see it."""
    pattern = re.compile(r"(\d+) leased, (\d+) quarantined, (\d+) idle of (\d+)")
    found = {}
    for name, bar in shown.items():
        match = pattern.search(bar["told"])
        assert match is not None, bar["told"]
        leased, quarantined, idle, capacity = map(int, match.groups())
        found[name] = [capacity, leased, quarantined, idle]
    return found


def bars(page: Browser) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = page.run(
        """Object.fromEntries([...document.querySelectorAll("#pools tbody tr")].map(row => {
            const part = name => row.querySelector(`.bar .${name}`);
            const read = of => ["leased", "quarantined", "idle"].map(
                name => parseFloat(part(name).getAttribute(of)));
            return [row.dataset.pool, {
                told: row.querySelector(".bar").getAttribute("aria-label"),
                widths: read("width"), starts: read("x"),
            }];
        }))"""
    )
    return found


class TestUnbroken:
    def test_what_clients_call_themselves_is_text_and_nothing_else(
        self, page: Browser, stub: FrameServiceStub
    ) -> None:
        title = page.driver.title
        with cameras(stub, JUNK, dict.fromkeys(HOSTILE, 10.0)):
            page.until(
                lambda: page.run("document.querySelectorAll('#streams tbody tr').length") == 4,
                "not all streams are shown",
            )
            names = page.run(
                "[...document.querySelectorAll('#streams bdi')].map(e => e.textContent)"
            )
            assert set(HOSTILE[:2]) < set(names)
            assert "⟨U+202E⟩gnp.exe" in names
            assert sum(name.startswith("xxxx") for name in names) == 1
            assert page.run("document.querySelector('#streams img, #streams script')") is None
            assert page.run("document.scrollingElement.scrollWidth <= innerWidth")
            page.until(lambda: "IMAGE_CORRUPT" in page.text("#errors"), "no error is shown")
        assert page.driver.title == title

    def test_nothing_inline_runs_and_nothing_comes_from_elsewhere(
        self, chrome: Browser, server: ServerProcess
    ) -> None:
        show(chrome, server)
        assert chrome.console() == []  # of its own, it needs nothing that is forbidden
        chrome.run(
            """(() => {
                const script = document.createElement("script");
                script.textContent = "document.title = 'broken'";
                document.body.append(script);
                const image = document.createElement("img");
                image.src = "https://example.invalid/x.png";
                document.body.append(image);
                document.body.insertAdjacentHTML("beforeend", "<p style='color: red'>x</p>");
            })()"""
        )
        told: list[str] = []

        def all_three() -> bool:
            told.extend(chrome.console())
            return sum("Content Security Policy" in line for line in told) == 3

        chrome.until(all_three, "the policy does not hold")
        assert "broken" not in chrome.driver.title

    def test_it_goes_on_after_a_restart_of_the_server(self, chrome: Browser) -> None:
        with running_server() as first:
            show(chrome, first)
            with connected(first.grpc_address) as stub:
                stub.ProcessBatch(pb.ProcessBatchRequest(frames=[FRAME] * 5), timeout=20)
            chrome.until(lambda: number(chrome, "#total-ok") == 5, "the frames are not counted")
            address = first.http_address
            assert first.terminate() == 0
        assert chrome.until(
            lambda: "reconnecting" in chrome.text("#connection") and chrome.text("#connection"),
            "it did not notice that the server is gone",
        )
        with running_server("--http", address) as second:
            chrome.until(lambda: chrome.text("#connection-text") == "live", "it stayed away")
            chrome.until(lambda: number(chrome, "#total-ok") == 0, "these are the old numbers")
            assert "restarted at" in chrome.text("#restarted")
            assert chrome.text("#plot-fps .start") == "server started"
            with connected(second.grpc_address) as stub:
                stub.ProcessBatch(pb.ProcessBatchRequest(frames=[FRAME] * 7), timeout=20)
            chrome.until(lambda: number(chrome, "#total-ok") == 7, "it stands still")
        told = chrome.console()
        assert all("ERR_CONNECTION_REFUSED" in line or "net::ERR" in line for line in told), told

    def test_a_hidden_page_asks_for_nothing_and_catches_up_when_it_is_shown(
        self, page: Browser, server: ServerProcess, stub: FrameServiceStub
    ) -> None:
        before = number(page, "#total-ok")
        hide(page, True)
        # The browser lists a request when it is over.
        page.until(lambda: page.run(EVENTS_ENDED) == 1, "it goes on listening")
        stub.ProcessBatch(pb.ProcessBatchRequest(frames=[FRAME] * 9), timeout=20)
        assert number(page, "#total-ok") == before
        hide(page, False)
        page.until(lambda: number(page, "#total-ok") == before + 9, "it stands still")

    def test_a_login_that_ended_is_told_with_a_link(self, chrome: Browser, tmp_path: Path) -> None:
        token = tmp_path / "token"
        token.write_text("s3cret")
        with running_server("--http-token-file", str(token)) as server:
            chrome.open(server.http_url)
            chrome.one("input[name=token]").send_keys("s3cret\n")
            loaded = "document.documentElement.dataset.loaded"
            chrome.until(lambda: chrome.run(loaded), "the token does not open the dashboard")
            chrome.driver.delete_all_cookies()
            hide(chrome, True)
            hide(chrome, False)  # it connects anew
            chrome.until(lambda: chrome.one("#login").is_displayed(), "it does not tell")
            assert "the login has ended" in chrome.text("#connection")
            chrome.one("#login").click()
            chrome.until(lambda: chrome.all("input[name=token]"), "the link leads elsewhere")
