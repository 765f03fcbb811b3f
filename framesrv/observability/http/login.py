"""Who has the token: programs send it each time, browsers once, and get a cookie for it.

The cookie says until when it is good, signed with the token. So it outlives a restart, and ends
with the token.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from time import time
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from framesrv.observability.http.guesses import Guesses
from framesrv.observability.http.headers import policy
from framesrv.observability.refusals import Refusal, peer_of, refused, tell

COOKIE: Final = "framesrv_session"
GOOD_FOR_S: Final = 7 * 24 * 3600
_BODY_BYTES_MAX: Final = 4096
_COOKIE_BYTES_MAX: Final = 128  # ours has some 80
_BACK_TO: Final = ("watch", "camera")
_FIELDS_MAX: Final = 256
_FORM: Final = "application/x-www-form-urlencoded"
_STYLE: Final = (
    "body{margin:0;min-height:100vh;display:grid;place-items:center;color-scheme:light dark;"
    "font:16px/1.5 system-ui,sans-serif}"
    "form{display:grid;gap:1rem;width:min(22rem,calc(100vw - 3rem))}"
    "h1{font-size:1.4rem;margin:0}label{display:grid;gap:.35rem}"
    "input,button{font:inherit;padding:.55rem .7rem;border-radius:.4rem;border:1px solid #8888}"
    "p{margin:0}.wrong{font-weight:600}"
)
_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS: Final = {
    "Content-Security-Policy": policy(f"'sha256-{_STYLE_HASH}'").decode(),
    # A form of a page that never says where it is from is sent with "Origin: null".
    "Referrer-Policy": "same-origin",
}
_PAGE: Final = f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>framesrv: log in</title>
<style>{_STYLE}</style>
</head>
<body>
<form method="post">
<h1>framesrv</h1>
%s
<label>The token of this server
<input type="password" name="token" required autofocus autocomplete="current-password">
</label>
<button>Log in</button>
</form>
</body>
</html>
"""
_WRONG: Final = Refusal(401, "wrong_token", "that is not the token of this server")
_ASK: Final = Refusal(
    401,
    "no_token",
    "send the token of this server: Authorization: Bearer TOKEN; in a browser, open /login",
    {"WWW-Authenticate": "Bearer"},
)
_SLOWLY: Final = Refusal(
    429,
    "too_many_guesses",
    "too many wrong tokens came from this address: wait a little",
    {"Retry-After": "2"},
)


class Login:
    def __init__(
        self,
        token: str,
        *,
        secure: bool = False,
        guesses: Guesses | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._token = token.encode()
        self._bearer = b"bearer " + self._token
        self._key = sha256(b"framesrv session\0" + self._token).digest()
        self._secure = secure
        self._guesses = guesses or Guesses()
        self._clock = clock

    # -- is it somebody who has it? --------------------------------------------------------

    def stranger(self, scope: Any, headers: dict[bytes, bytes]) -> Refusal | None:
        """None: it has the token, or a cookie for it."""
        if self.knows(headers.get(b"cookie", b"")):
            return None
        sent = headers.get(b"authorization")
        if sent is None:
            return _ASK
        if not self._guesses.may(peer_of(scope)):
            return _SLOWLY
        scheme, _, token = sent.partition(b" ")
        if scheme.lower() == b"bearer" and self._is_right(token.strip()):
            return None
        self._guesses.wrong(peer_of(scope))
        return _ASK

    def knows(self, cookies: bytes) -> bool:
        """Whether one of them is ours and still good."""
        for cookie in cookies.split(b";"):
            name, _, value = cookie.strip().partition(b"=")
            if name == COOKIE.encode() and self._is_good(value):
                return True
        return False

    def cookie(self) -> str:
        until = str(round(self._clock()) + GOOD_FOR_S)
        secure = "; Secure" if self._secure else ""
        value = f"{until}.{self._signed(until.encode())}"
        return f"{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _is_good(self, value: bytes) -> bool:
        until, _, signed = value.partition(b".")
        if len(value) > _COOKIE_BYTES_MAX:
            return False  # not ours; to find that out by signing it would take longer
        # Compared first: what is signed was written by us, and is a number.
        is_ours = hmac.compare_digest(signed, self._signed(until).encode())
        return is_ours and self._clock() < int(until)

    def _signed(self, until: bytes) -> str:
        return hmac.new(self._key, until, sha256).hexdigest()

    def _is_right(self, token: bytes) -> bool:
        return hmac.compare_digest(token, self._token)

    # -- the page --------------------------------------------------------------------------

    async def answer(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._log_in(request)
        if self.knows(request.headers.get("cookie", "").encode("latin-1")):
            return _back(request)
        return _page("<p>This server asks who looks at it.</p>")

    async def _log_in(self, request: Request) -> Response:
        peer = peer_of(request.scope)
        token = await _token_of(request)
        if isinstance(token, Refusal):
            return refused(request.scope, token)
        if not self._guesses.may(peer):
            return _again(request, _SLOWLY)
        if not self._is_right(token):
            self._guesses.wrong(peer)
            return _again(request, _WRONG)
        answer = _back(request)
        answer.headers["Set-Cookie"] = self.cookie()
        return answer


def home() -> Response:
    return RedirectResponse("./", 303)


def to_login(scope: Any) -> Response:
    """The address that was asked for is remembered, if it is one of ours to come back to."""
    asked = scope["path"].removeprefix("/")
    if asked not in _BACK_TO:
        return RedirectResponse("login", 303)
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse("login?" + urlencode({"to": f"{asked}?{query}"}), 303)


def _back(request: Request) -> Response:
    """Never to another's page: it begins with a name of ours."""
    asked, _, query = request.query_params.get("to", "").partition("?")
    if asked not in _BACK_TO:
        return home()
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        return home()
    return RedirectResponse(f"{asked}?{urlencode(fields)}", 303)


async def _token_of(request: Request) -> bytes | Refusal:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        return Refusal(415, "not_a_form", f"send the token as {_FORM}: token=TOKEN")
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > _BODY_BYTES_MAX:
                return Refusal(
                    413, "large_body", "that is more than a token", {"Connection": "close"}
                )
    except ClientDisconnect:
        return Refusal(400, "half_a_form", "the form ended too soon")
    try:
        fields = parse_qs(body, max_num_fields=8)
    except ValueError:
        fields = {}
    return fields.get(b"token", [b""])[0].strip()


def _again(request: Request, refusal: Refusal) -> Response:
    tell(request.scope, refusal)
    page = _page(f'<p class="wrong" role="alert">{refusal.text.capitalize()}.</p>', refusal.status)
    page.headers.update(refusal.headers or {})
    return page


def _page(text: str, status: int = 200) -> Response:
    return HTMLResponse(_PAGE % text, status, _HEADERS)
