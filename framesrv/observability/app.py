"""What the HTTP listener answers. It only reads, and works for nobody for long."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from framesrv.observability.readiness import Readiness

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
_OPEN_TO_ALL: Final = frozenset({"/healthz", "/readyz"})
# However often it is asked, reading the metrics takes at most this share of one core's time.
_SCRAPE_SHARE: Final = 0.1


def http_app(
    readiness: Readiness,
    metrics: CollectorRegistry,
    token: str | None,
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]] | None = None,
) -> Asgi:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = readiness.reason
        if reason:
            return PlainTextResponse(f"not ready: {reason}\n", 503)
        return PlainTextResponse("ready\n")

    app = Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", _Scraping(metrics).answer),
        ],
        lifespan=lifespan,
    )
    return app if token is None else _behind(token, app)


class _Scraping:
    """One scrape at a time, and a rest after each: a hostile scraper takes no worker's time."""

    def __init__(self, metrics: CollectorRegistry) -> None:
        self._metrics = metrics
        self._turn = asyncio.Lock()
        self._rested_at = 0.0

    async def answer(self, request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        async with self._turn:
            await asyncio.sleep(self._rested_at - perf_counter())
            begun = perf_counter()
            text = encode(self._metrics)
            ended = perf_counter()
            self._rested_at = ended + (ended - begun) * (1 / _SCRAPE_SHARE - 1)
        return Response(text, media_type=content_type)


def _behind(token: str, app: Asgi) -> Asgi:
    """The same, for those who send the token."""
    expected = f"Bearer {token}".encode()

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] not in _OPEN_TO_ALL:
            sent = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(sent, expected):
                refused = PlainTextResponse(
                    "send the token of this server: Authorization: Bearer TOKEN\n",
                    401,
                    {"WWW-Authenticate": "Bearer"},
                )
                await refused(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded
