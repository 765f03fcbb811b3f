"""The dashboard in a browser: opened, read, hidden; and the server that it shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chromium import Browser
from pictures import coded, encoded, picture
from props import HERE
from server_process import ServerProcess, running_server

FRAME: Final = encoded(coded(picture(640, 480)))
JUNK: Final = encoded(b"junk")
WIDE: Final = (1440, 900)
NARROW: Final = (360, 740)

# The browser lists a request when it is over.
EVENTS_ENDED: Final = """performance.getEntriesByType("resource")
    .filter(entry => entry.name.endsWith("/api/events")).length"""


@contextmanager
def dashboard_server() -> Iterator[ServerProcess]:
    with running_server("--previews", "--processor", "gate=tricks:gate", folder=HERE) as found:
        yield found


def show(chrome: Browser, server: ServerProcess) -> None:
    chrome.open("about:blank")
    chrome.console()
    chrome.open(server.http_url)
    chrome.until(lambda: chrome.run("document.documentElement.dataset.loaded"), "no snapshot came")


def number(chrome: Browser, selector: str) -> int:
    return int(chrome.text(selector).replace(",", ""))


def after_refreshes(page: Browser, times: int) -> None:
    """Only while a load runs, which changes the number."""
    for _ in range(times):
        shown = number(page, "#total-ok")
        page.until(lambda: number(page, "#total-ok") != shown, "it stands still")  # noqa: B023


def hide(page: Browser, hidden: bool) -> None:
    """As if another tab were shown, which a browser without a window does not do."""
    page.run(
        """(hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        })(arguments[0])""",
        hidden,
    )
