"""The pages that show pictures, in a browser with a fake camera, and the server that they ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from chromium import Browser, browser
from dashboard_page import WIDE
from pictures import coded
from props import HERE
from server_process import ServerProcess, running_server

CAMERA: Final = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
RED, BLUE, GREEN = (0, 0, 230), (230, 0, 0), (0, 200, 0)
# A large picture is refused frame by frame, a small one is not.
LIMITS: Final = {"FRAMESRV_IMAGES_MAX_PIXELS": "400000"}


def plain(colour: tuple[int, int, int], width: int = 320, height: int = 180) -> bytes:
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = colour
    return coded(pixels)


@contextmanager
def camera_browser(folder: Path) -> Iterator[Browser]:
    with browser(folder, *CAMERA) as found:
        yield found


@contextmanager
def live_server() -> Iterator[ServerProcess]:
    with running_server(
        *("--websocket", "--workers", "1", "--processor", "gate=tricks:gate"),
        environ=LIMITS,
        folder=HERE,
    ) as found:
        yield found
        assert not [line for line in found.logged() if line["level"] == "error"]


@contextmanager
def calm_tab(chrome: Browser) -> Iterator[Browser]:
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


def watch(page: Browser, server: ServerProcess, query: str) -> None:
    page.open(f"{server.http_url}/watch{query}")


def tile(stream_id: str) -> str:
    return f'figure[data-stream="{stream_id}"]'


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
