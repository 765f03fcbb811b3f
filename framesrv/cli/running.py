"""A server in the foreground, from its first log line to its exit code."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from types import FrameType
from typing import Final

from framesrv.app import App, AppSettings, running
from framesrv.config import Configuration, load
from framesrv.observability.logs.lines import set_up
from framesrv.observability.pauses import short_pauses

log = logging.getLogger("framesrv")

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def load_configuration(flags: Mapping[str, object], config: Path | None) -> Configuration:
    # The operator's processors may lie where the server is started. Last, so that nothing there
    # can take the place of a library.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    return load(flags, config=config)


def run(configuration: Configuration) -> int:
    set_up(configuration.log)
    log.info(
        "starting",
        extra={"version": version("framesrv"), "pid": os.getpid(), "python": python_version()},
    )
    return asyncio.run(_run(configuration))


async def _run(configuration: Configuration) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with _signals(lambda: loop.call_soon_threadsafe(stop.set)):
        async with running(configuration.settings, configuration.processors) as app:
            with short_pauses():
                app.pauses.forget()  # the long one of the start, before anything is served
                _tell(app, configuration)
                await stop.wait()
            log.info("asked to stop: a second signal ends it at once")
        log.info("stopped")
    return 0


@contextmanager
def _signals(stop: Callable[[], object]) -> Iterator[None]:
    """The first signal stops the server in order, a second one ends the process at once."""
    seen: list[int] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        seen.append(number)
        if len(seen) > 1:
            os._exit(128 + number)
        stop()

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(app: App, configuration: Configuration) -> None:
    log.info("the most memory that the pools can take:\n%s", app.manager.worst_case())
    transport = configuration.settings.transport
    if transport.insecure_public:
        log.warning(
            "--insecure-public: without TLS, anybody on the way can read the frames that are sent "
            "from other machines, and anybody who can reach this server can send it some"
        )
    _warn_of_http(configuration.settings)
    grpc = ",".join(map(str, app.server.addresses))
    http = "off" if app.http is None else str(app.http.address)
    print(f"framesrv ready grpc={grpc} http={http}", flush=True)


def _warn_of_http(settings: AppSettings) -> None:
    http = settings.http
    if http is None or not http.is_public:
        return
    if http.token_file is None:
        log.warning(
            "--insecure-public: anybody who can reach --http %s can see the dashboard and the "
            "metrics%s; --http-token-file would ask who they are",
            http.address,
            ", and pictures of published streams" if http.previews else "",
        )
    elif not settings.transport.uses_tls:
        log.warning(
            "--http %s has no TLS: anybody on the way can read the token, and then use it; give "
            "--tls-cert and --tls-key",
            http.address,
        )
