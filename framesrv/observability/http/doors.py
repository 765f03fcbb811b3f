"""Who is let in: checked before anything is done for a request.

A page of another site that is open in the operator's browser can send requests here, too. It is
told from our own by Origin and Sec-Fetch-Site, which no page can change; and where it makes its
own name lead to this machine, by Host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

from framesrv.observability.http.headers import HEAD_BYTES_MAX, with_safe
from framesrv.observability.http.login import Login, to_login
from framesrv.observability.http.settings import HttpAddress
from framesrv.observability.refusals import Refusal, clipped, refused

Asgi = Callable[[Any, Any, Any], Awaitable[None]]
Headers = dict[bytes, bytes]

# The last is asked for by browsers that see a page without an icon, and answered by nothing.
OPEN_TO_ALL: Final = frozenset({"/healthz", "/readyz", "/favicon.ico"})
LOGIN: Final = "/login"
PAGES: Final = frozenset({"/", "/watch", "/camera"})
_HOST_MAX: Final = 100
_is_host = re.compile(r"(?:\[([^\]\[]+)\]|([^:\]\[]*))(?::\d{0,5})?").fullmatch
_PORTS: Final = {"http": "80", "https": "443"}


class Doors:
    def __init__(
        self,
        app: Asgi,
        address: HttpAddress,
        hosts: tuple[str, ...] = (),
        login: Login | None = None,
    ) -> None:
        self._app = app
        self._named = {host.lower().rstrip(".") for host in hosts}
        self._hosts = {"localhost", address.host.lower(), *self._named}
        self._login = login

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_safe(list(message.get("headers", ())))
            await send(message)

        app = self._app
        refusal = self._refusal(scope)
        if refusal is not None:
            is_lost = refusal.status == 401 and scope["path"] in PAGES  # a person, it seems
            app = to_login(scope) if is_lost else refused(scope, refusal)
        await app(scope, receive, send_safely)

    def _refusal(self, scope: Any) -> Refusal | None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_BYTES_MAX:
            return Refusal(431, "large_headers", f"the headers have over {HEAD_BYTES_MAX} bytes")
        headers = dict(scope["headers"])
        path = scope["path"]
        return (
            self._foreign_host(path, headers)
            or self._foreign_page(scope["scheme"], headers)
            or self._stranger(scope, headers)
        )

    def _foreign_host(self, path: str, headers: Headers) -> Refusal | None:
        if self._login is not None or path in OPEN_TO_ALL:
            return None  # a page of that name has no token and no cookie of ours
        host = headers.get(b"host")
        if host is None or is_ip(name := name_of(host.decode("latin-1"))) or name in self._hosts:
            return None
        return Refusal(
            421,
            "foreign_host",
            f"this server does not go by the name of {clipped(name, _HOST_MAX)!r}: ask it by its "
            "IP address, or add the name to its setting http.hosts (FRAMESRV_HTTP_HOSTS)",
        )

    def _foreign_page(self, scheme: str, headers: Headers) -> Refusal | None:
        origin = headers.get(b"origin")
        if origin is not None and not self._is_same(origin, scheme, headers.get(b"host", b"")):
            return Refusal(403, "foreign_origin", "pages of other sites may ask nothing here")
        # A link on another page may lead here: that opens a page of ours.
        asked_by = headers.get(b"sec-fetch-site", b"none")
        if asked_by not in {b"none", b"same-origin"} and (
            headers.get(b"sec-fetch-mode") != b"navigate"
            or headers.get(b"sec-fetch-dest") != b"document"
        ):
            return Refusal(403, "foreign_site", "pages of other sites may ask nothing here")
        return None

    def _is_same(self, origin: bytes, scheme: str, host: bytes) -> bool:
        theirs, _, netloc = origin.decode("latin-1").lower().partition("://")
        asked = host.decode("latin-1").lower()
        # Whoever names a host may have put a proxy before it that speaks TLS.
        ours = theirs if theirs in _PORTS and name_of(asked) in self._named else scheme
        return theirs == ours and _with_port(netloc, theirs) == _with_port(asked, ours)

    def _stranger(self, scope: Any, headers: Headers) -> Refusal | None:
        login, path = self._login, scope["path"]
        if login is None or path in OPEN_TO_ALL or path == LOGIN:
            return None
        return login.stranger(scope, headers)


def name_of(host: str) -> str:
    """
    >>> name_of("Localhost:9464"), name_of("[::1]:9464"), name_of("a.example."), name_of("[::1]x")
    ('localhost', '::1', 'a.example', '[::1]x')
    """
    match = _is_host(host)
    return host if match is None else (match[1] or match[2].rstrip(".")).lower()


def is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_port(netloc: str, scheme: str) -> str:
    """
    >>> _with_port("a.example", "https"), _with_port("[::1]:9464", "http")
    ('a.example:443', '[::1]:9464')
    """
    has_port = netloc.rpartition("]")[2].count(":") == 1
    return netloc if has_port else f"{netloc}:{_PORTS.get(scheme, '')}"
