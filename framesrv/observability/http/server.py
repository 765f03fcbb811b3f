"""The HTTP listener: a thread with an event loop of its own, so that gRPC never waits for it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import uvicorn

from framesrv.errors import BadConfig
from framesrv.observability.http.app import Services, http_app
from framesrv.observability.http.doors import Doors
from framesrv.observability.http.guard import CONNECTIONS_MAX, Guarded
from framesrv.observability.http.headers import HEAD_BYTES_MAX
from framesrv.observability.http.listener import Listener
from framesrv.observability.http.settings import HttpAddress

log = logging.getLogger("framesrv.http")

# The guard counts connections; this counts also those requests whose connection has gone.
_REQUESTS_MAX: Final = 2 * CONNECTIONS_MAX
# So many are also accepted, and have a descriptor each, before the guard sees the first of them.
_BACKLOG: Final = 4 * CONNECTIONS_MAX
_KEEP_ALIVE_S: Final = 5
_START_S_MAX: Final = 10.0


class HttpServer:
    """``start`` and ``stop`` are called once, from any thread but its own."""

    def __init__(
        self,
        address: HttpAddress,
        services: Services,
        *,
        hosts: tuple[str, ...] = (),  # names that it may be asked by
        tls: tuple[Path, Path] | None = None,  # certificate and key
    ) -> None:
        self._up = threading.Event()
        self._failure: BaseException | None = None
        self._socket: socket.socket | None = None
        self.address = address  # with the port that was picked, once started
        self.services = services
        app = http_app(services, self._lifespan)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Doors(app, address, hosts, services.login),
                http=Guarded,
                ws="none",
                loop="asyncio",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_REQUESTS_MAX,
                backlog=_BACKLOG,
                h11_max_incomplete_event_size=HEAD_BYTES_MAX,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=1,
                ssl_certfile=tls[0] if tls else None,
                ssl_keyfile=tls[1] if tls else None,
            )
        )
        self._thread = threading.Thread(target=self._run, name="framesrv-http", daemon=True)

    def start(self) -> None:
        """Return when requests are answered, or raise BadConfig."""
        self._socket = _listen(self.address, self._guarded)
        self.address = HttpAddress(self.address.host, self._socket.getsockname()[1])
        self._thread.start()
        if not self._up.wait(_START_S_MAX) or self._failure is not None:
            raise BadConfig(f"HTTP on {self.address} did not start") from self._failure

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_START_S_MAX)
        if self._socket is not None:
            self._socket.close()

    def _guarded(self) -> set[int]:
        """The descriptors of the connections that the guard knows."""
        guarded = [one.transport for one in self._server.server_state.connections]
        return {transport.get_extra_info("socket").fileno() for transport in guarded}

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket] if self._socket else None))
        except BaseException as error:
            self._failure = error
            log.exception("the HTTP listener failed")
        finally:
            self._up.set()

    @asynccontextmanager
    async def _lifespan(self, _: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            if self.services.board is not None:
                await closing.enter_async_context(self.services.board.ticking())
            self._up.set()
            yield


def _listen(address: HttpAddress, guarded: Callable[[], set[int]]) -> Listener:
    """Bound and listening. Never with SO_REUSEPORT: two servers would silently share the port."""
    try:
        family, kind, _, _, bound = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = Listener(family, kind, guarded)
    except OSError as error:
        raise _refused(address, error) from None
    try:
        if os.name == "posix":  # elsewhere it would allow what it must not
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(bound)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _refused(address, error) from None
    return listener


def _refused(address: HttpAddress, error: OSError) -> BadConfig:
    return BadConfig(
        f"cannot listen on {address} for HTTP: {(error.strerror or str(error)).lower()}; choose "
        "another with --http (port 0 picks a free one, off does without)"
    )
