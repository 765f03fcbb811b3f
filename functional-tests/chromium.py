"""The browser that people have: Debian's Chromium, without a window, driven through WebDriver.

The driver is started here, not by Selenium: so nothing is looked for on the network, and the port
is one that the driver itself found free.
"""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import pytest
from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chromium.remote_connection import ChromiumRemoteConnection
from selenium.webdriver.common.by import By
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

WAIT_S: Final = 60.0
_COLOURS: Final = 256
_TOOLS: Final = ("chromium", "chromedriver")
_STARTED: Final = re.compile(r"started successfully on port (\d+)")
_FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # which root, as in a container, cannot have
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--hide-scrollbars",
    "--lang=en-US",
)

T = TypeVar("T")


class Key(NamedTuple):
    name: str
    code: int
    text: str = ""


TAB: Final = Key("Tab", 9)
ENTER: Final = Key("Enter", 13, "\r")
ESCAPE: Final = Key("Escape", 27)
LEFT: Final = Key("ArrowLeft", 37)


class Browser:
    """One tab."""

    def __init__(self, driver: WebDriver) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        self.driver.get(url)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a JavaScript expression; ``arguments`` are its ``arguments``."""
        return self.driver.execute_script(f"return ({script})", *arguments)

    def text(self, selector: str) -> str:
        return self.one(selector).text

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def until(self, holds: Callable[[], T], why: str, patience_s: float = WAIT_S) -> T:
        """The first true value; asked again and again while the page goes on."""
        ignored = (StaleElementReferenceException,)
        wait = WebDriverWait(self.driver, patience_s, 0.05, ignored_exceptions=ignored)
        return wait.until(lambda _: holds(), why)

    def look(self, width: int, height: int, scheme: str) -> None:
        """From now on through a window of this size, with this colour scheme wanted."""
        self._devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        self._devtools("Emulation.setEmulatedMedia", features=wanted)

    def press(self, key: Key) -> None:
        """To whatever has the focus, as from a keyboard."""
        pressed = {"key": key.name, "code": key.name, "windowsVirtualKeyCode": key.code}
        self._devtools("Input.dispatchKeyEvent", type="keyDown", text=key.text, **pressed)
        self._devtools("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def screenshot(self, path: Path) -> None:
        """The whole page, however long."""
        size = self.run(
            "(d => [d.clientWidth, Math.max(d.scrollHeight, d.clientHeight)])"
            "(document.documentElement)"
        )
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}
        taken = self._devtools(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        with Image.open(io.BytesIO(base64.b64decode(taken["data"]))) as image:
            # Few colours are on it, and a third of the bytes is enough for them.
            few = image.convert("RGB").quantize(
                _COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE
            )
            few.save(path, optimize=True)

    def console(self) -> list[str]:
        """What the browser has complained of since it was last asked."""
        entries = self.driver.execute(Command.GET_LOG, {"type": "browser"})["value"]
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def _devtools(self, command: str, **parameters: Any) -> Any:
        sent = {"cmd": command, "params": parameters}
        return self.driver.execute("executeCdpCommand", sent)["value"]


@contextmanager
def browser(folder: Path, *more: str) -> Iterator[Browser]:
    """Its profile lies in ``folder``; ``more`` flags are for the browser. The test is skipped where
    there is no Chromium."""
    chromium, chromedriver = _found()
    options = Options()
    options.binary_location = chromium
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*_FLAGS, *more, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    with _driver(chromedriver, folder) as url:
        direct = Proxy(raw={"proxyType": ProxyType.DIRECT})
        config = ClientConfig(remote_server_addr=url, proxy=direct, timeout=120)
        line = ChromiumRemoteConnection(url, "goog", "chrome", client_config=config)
        driver = WebDriver(line, options=options)
        try:
            yield Browser(driver)
        finally:
            driver.quit()
            line.close()  # type: ignore[no-untyped-call]


def _found() -> tuple[str, str]:
    paths = [shutil.which(tool) for tool in _TOOLS]
    missing = [tool for tool, path in zip(_TOOLS, paths, strict=True) if path is None]
    if missing:
        told = (
            f"{' and '.join(missing)} not found: the dashboard is tested in a real browser; "
            "on Debian: apt-get install chromium chromium-driver"
        )
        if os.environ.get("MUST_HAVE_TOOLS") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return str(paths[0]), str(paths[1])


@contextmanager
def _driver(chromedriver: str, folder: Path) -> Iterator[str]:
    with subprocess.Popen(
        [chromedriver, "--port=0"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line)
                if match := _STARTED.search(line):
                    yield f"http://127.0.0.1:{match[1]}"
                    return
            raise AssertionError(f"chromedriver did not start:\n{''.join(said)}")
        finally:
            process.terminate()
