"""`subscribe --open`: the dashboard's page that shows published streams, in a browser."""

from __future__ import annotations

import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from framesrv.cli.outcome import Fault

if TYPE_CHECKING:
    from framesrv.cli.subscribing import Subscribing


def open_watch(dashboard: str, asked: Subscribing) -> str:
    """The address that a browser was told to open."""
    asked.check()
    if asked.out != "none":
        raise Fault(f"--open shows the streams in a browser, and --out {asked.out} would stay "
                    "empty; leave one of them away")  # fmt: skip
    address = watch_address(dashboard, asked.streams, merged=asked.merge_s is not None)
    try:
        opened = webbrowser.open(address)
    except webbrowser.Error:
        opened = False
    if not opened:
        raise Fault(f"no browser could be opened here; open {address} yourself")
    return address


def watch_address(dashboard: str, streams: tuple[str, ...], *, merged: bool = False) -> str:
    """
    >>> watch_address("http://127.0.0.1:9464/", ("door", "a&b"), merged=True)
    'http://127.0.0.1:9464/watch?stream=door&stream=a%26b&merge=1'
    >>> watch_address("https://cameras.example/framesrv", ())
    'https://cameras.example/framesrv/watch'
    """
    try:
        parts = urlsplit(dashboard)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or parts.query or parts.fragment:
        raise Fault(f"--dashboard {dashboard[:80]!r}: give http://HOST:PORT/ or https://HOST:PORT/,"
                    " such as http://127.0.0.1:9464/")  # fmt: skip
    query = [("stream", each) for each in streams] + ([("merge", "1")] if merged else [])
    address = dashboard.rstrip("/") + "/watch"
    return f"{address}?{urlencode(query)}" if query else address
