"""The answers that the dashboard's page lives on: snapshots, the events, pictures."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from framesrv.observability.http.turns import Turns
from framesrv.observability.live import line
from framesrv.observability.live.board import VIEWERS_MAX, Board
from framesrv.observability.refusals import Refusal, refused

_EVENTS_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",  # for a proxy that would wait for the end
}
_NO_PREVIEWS: Final = Refusal(
    404,
    "no_previews",
    "this server shows no pictures of streams: start it with --previews to allow that "
    "(FRAMESRV_PREVIEWS, or previews in [http])",
)
_FULL: Final = Refusal(
    503,
    "too_many_dashboards",
    f"{VIEWERS_MAX} dashboards are open, and there may be no more: close one, or ask for "
    "/api/snapshot now and then",
    {"Retry-After": "5", "Connection": "close"},
)


class Live:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._turns = Turns()

    async def snapshot(self, _: Request) -> Response:
        made = await self._turns.make(self._board.snapshot)
        return Response(made, media_type="application/json")

    async def events(self, request: Request) -> Response:
        connection = line.of(request.scope)
        if self._board.full or connection is None:
            return refused(request.scope, _FULL)
        if request.method == "HEAD":
            return Response(None, 200, _EVENTS_HEADERS)
        return _Events(self._board, connection)

    async def preview(self, request: Request) -> Response:
        previews = self._board.previews
        if previews is None:
            return refused(request.scope, _NO_PREVIEWS)
        found = await previews.picture(request.path_params["stream_id"])
        if isinstance(found, Refusal):
            return refused(request.scope, found)
        return Response(found.data, media_type=found.content_type)


class _Events(Response):
    """Goes on until the dashboard is closed, or the server."""

    def __init__(self, board: Board, connection: line.Line) -> None:
        super().__init__(None, 200, _EVENTS_HEADERS)
        del self.headers["content-length"]
        self._board = board
        self._line = connection

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._board.viewer(self._line) as viewer:
            while (event := await viewer.next()) is not None:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
