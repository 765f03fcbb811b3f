"""What the HTTP listener answers. It only reads, and works for nobody for long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from framesrv.observability.http.answers import Live
from framesrv.observability.http.assets import Assets
from framesrv.observability.http.login import Login, home
from framesrv.observability.http.turns import Turns
from framesrv.observability.http.upgrade import WebSockets
from framesrv.observability.live.board import Board
from framesrv.observability.metrics.exposition import choose_encoder
from framesrv.observability.readiness import Readiness
from framesrv.observability.refusals import Refusal, refused

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Endpoint = Callable[[Request], Awaitable[Response]]
Lifespan = Callable[[Any], AbstractAsyncContextManager[None]]

_SHOWN: Final = "/metrics, /healthz, /readyz"
_NO_WEBSOCKETS: Final = Refusal(
    404,
    "no_websockets",
    "this server has no pages and no calls over WebSocket: start it with --websocket to allow that "
    "(FRAMESRV_WEBSOCKET, or websocket in [http])",
)
# Those that need WebSockets, with the headers that they have of their own.
PAGES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {"/watch": {}, "/camera": {"Permissions-Policy": "camera=(self)"}}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What is served. Without a board there is no dashboard."""

    readiness: Readiness
    metrics: CollectorRegistry
    board: Board | None = None
    configuration: bytes = b"{}"  # JSON
    login: Login | None = None
    websockets: WebSockets | None = None


def http_app(services: Services, lifespan: Lifespan | None = None) -> Asgi:
    routes = [*_probes(services.readiness), _route("/metrics", _scraped(services.metrics))]
    if services.login is not None:
        routes.append(Route("/login", services.login.answer, methods=["GET", "POST"]))
    else:
        routes.append(Route("/login", _go_home, methods=["GET", "POST"]))
    shown = _SHOWN
    if services.board is not None:
        routes += _dashboard(services.board, services.configuration)
        shown = "/ (the dashboard), /api/snapshot, /api/events, /api/config, " + shown

    routes += _websockets(services.websockets)

    async def missing(request: Request, error: Exception) -> Response:
        return refused(request.scope, _refusal(error, shown))

    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: missing})


def _probes(readiness: Readiness) -> list[BaseRoute]:
    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        reason = readiness.reason
        if reason:
            return PlainTextResponse(f"not ready: {reason}\n", 503)
        return PlainTextResponse("ready\n")

    async def no_icon(_: Request) -> Response:
        return Response(None, 204)

    return [
        _route("/healthz", healthz),
        _route("/readyz", readyz),
        _route("/favicon.ico", no_icon),
    ]


def _scraped(metrics: CollectorRegistry) -> Endpoint:
    turns = Turns()

    async def answer(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        text = await turns.make(lambda: encode(metrics), content_type)
        return Response(text, media_type=content_type)

    return answer


def _dashboard(board: Board, configuration: bytes) -> list[BaseRoute]:
    assets, live = Assets(), Live(board)

    async def index(request: Request) -> Response:
        return _or_404(assets.index(request))

    async def static(request: Request) -> Response:
        return _or_404(assets.answer(request, request.path_params["name"]))

    async def config(_: Request) -> Response:
        return Response(configuration, media_type="application/json")

    return [
        _route("/", index),
        _route("/static/{name:path}", static),
        _route("/api/snapshot", live.snapshot),
        _route("/api/events", live.events),
        _route("/api/config", config),
        _route("/api/streams/{stream_id:path}/preview", live.preview),
    ]


def _websockets(websockets: WebSockets | None) -> list[BaseRoute]:
    if websockets is None:

        async def off(request: Request) -> Response:
            return refused(request.scope, _NO_WEBSOCKETS)

        return [_route(path, off) for path in ("/ws/{path:path}", *PAGES)]
    assets = Assets()

    def page(name: str, headers: Mapping[str, str] | None = None) -> Endpoint:
        async def answer(request: Request) -> Response:
            return _or_404(assets.answer(request, name, headers))

        return answer

    return [
        *(_route(path, websockets.endpoint(path)) for path in websockets.served),
        *(_route(path, page(f"live{path}.html", headers)) for path, headers in PAGES.items()),
    ]


def _route(path: str, answer: Endpoint) -> Route:
    return Route(path, answer, methods=["GET"])  # and HEAD


def _or_404(answer: Response | None) -> Response:
    if answer is None:
        raise HTTPException(404)
    return answer


async def _go_home(_: Request) -> Response:
    return home()


def _refusal(error: Exception, shown: str) -> Refusal:
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == 405:
        listed = (error.headers or {}).get("Allow", "GET, HEAD")
        allowed = ", ".join(sorted(listed.split(", ")))
        return Refusal(
            405, "wrong_method", f"this can be asked with {allowed} only", {"Allow": allowed}
        )
    return Refusal(404, "unknown_path", f"there is nothing here; there is {shown}")
