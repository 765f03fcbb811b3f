"""The files of the dashboard's page: read once, served from memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

INDEX: Final = "index.html"
_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "woff2": "font/woff2",
}


class Asset(NamedTuple):
    content: bytes
    content_type: str
    tag: str


class Assets:
    """Only what lies there can be asked for: a name is looked up, never opened."""

    def __init__(self, folder: Traversable | None = None) -> None:
        folder = files("framesrv.observability.http") / "dashboard" if folder is None else folder
        self._assets: Mapping[str, Asset] = dict(_read(folder, "")) if folder.is_dir() else {}

    def index(self, request: Request) -> Response | None:
        return self.answer(request, INDEX)

    def answer(
        self, request: Request, name: str, more: Mapping[str, str] | None = None
    ) -> Response | None:
        """None: there is no such file."""
        asset = self._assets.get(name)
        if asset is None:
            return None
        # Asked for each time, since the next version of the server may have another.
        headers = {"ETag": asset.tag, "Cache-Control": "no-cache", **(more or {})}
        if asset.tag in request.headers.get("if-none-match", ""):
            return Response(None, 304, headers)
        return Response(asset.content, 200, headers, asset.content_type)


def _read(folder: Traversable, above: str) -> Iterator[tuple[str, Asset]]:
    for file in folder.iterdir():
        if file.is_dir():
            yield from _read(file, f"{above}{file.name}/")
            continue
        content_type = _TYPES.get(file.name.rpartition(".")[2])
        if content_type is not None:
            content = file.read_bytes()
            tag = f'"{sha256(content).hexdigest()[:32]}"'
            yield above + file.name, Asset(content, content_type, tag)
