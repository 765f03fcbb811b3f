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

# Text whose colour is too near to what it stands on, with the contrast as WCAG counts it.
PALE = """(() => {
    const part = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
    const behind = e => {
        for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if ((rgb(colour)[3] ?? 1) > 0) return colour;
        }
    };
    return [...document.querySelectorAll("body *")].flatMap(e => {
        const says = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
        if (!says || !e.checkVisibility() || e.closest("noscript")) return [];
        const style = getComputedStyle(e);
        const colour = e instanceof SVGElement ? style.fill : style.color;
        const [x, y] = [light(rgb(colour)), light(rgb(behind(e)))];
        const contrast = (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
        return contrast < 4.5 ? [[e.textContent.slice(0, 40), contrast]] : [];
    });
})()"""


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
