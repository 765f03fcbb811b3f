"""`framesrv top`: its arguments and what it says of itself. The work is in `top_run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from framesrv.cli.target import SERVER, TlsCa, complain

if TYPE_CHECKING:
    from framesrv.cli.top_feed import Place

DEFAULT_HTTP: Final = "127.0.0.1:9464"

EPILOG: Final = """\
[bold]Live.[/bold] In a terminal it goes on until q or Ctrl-C, fits what it shows to the terminal's
height, and connects again by itself when the server is restarted. Where the output is no terminal,
or with --once, it prints one snapshot as plain text and ends.

[bold]Exit codes.[/bold] 0: ended by q, or the snapshot is printed. 2: bad arguments. 3: nobody
listens there, or not framesrv, or the token is wrong. 130: interrupted.
"""

Http = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        help="The server's HTTP address, which is in its ready line; https://HOST:PORT if it "
        "serves TLS.",
        rich_help_panel=SERVER,
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The token that the server asks for: what is in its --http-token-file.",
        rich_help_panel=SERVER,
    ),
]
Once = Annotated[bool, typer.Option("--once", help="Print one snapshot as plain text, and end.")]


def top(
    http: Http = DEFAULT_HTTP,
    token_file: TokenFile = None,
    tls_ca: TlsCa = None,
    once: Once = False,
) -> None:
    """Watch a server in the terminal: the same numbers as its dashboard.

    \b
    framesrv top
    framesrv top --http 10.0.0.7:9464 --token-file token
    framesrv top --once
    """
    from rich.console import Console

    from framesrv.cli import top_run
    from framesrv.cli.outcome import Fault

    console = Console(highlight=False)
    try:
        place = _place(http, token_file, tls_ca)
        if once or not console.is_terminal or console.is_dumb_terminal:
            top_run.once(place, console)
        else:
            top_run.watch(place, console)
    except Fault as fault:
        complain("top", fault.message)
        raise typer.Exit(fault.code) from None


def _place(http: str, token_file: Path | None, tls_ca: Path | None) -> Place:
    import ssl

    from framesrv.cli.outcome import Fault
    from framesrv.cli.top_feed import Place
    from framesrv.errors import BadConfig
    from framesrv.observability.http.settings import HttpAddress

    scheme, _, rest = http.rpartition("://")
    try:
        address = HttpAddress.parse(rest.rstrip("/"))
    except BadConfig:
        address = None
    if address is None or not address.port or scheme not in {"", "http", "https"}:
        raise Fault(
            f"--http {http[:80]!r}: give HOST:PORT, http://HOST:PORT or https://HOST:PORT, such as "
            f"{DEFAULT_HTTP}"
        )
    tls = None
    if scheme == "https" or tls_ca is not None:
        try:
            tls = ssl.create_default_context(cafile=tls_ca)
        except (OSError, ssl.SSLError) as error:
            raise Fault(f"--tls-ca {tls_ca} cannot be used: {error}") from None
    return Place(address.host, address.port, _token(token_file), tls)


def _token(file: Path | None) -> str | None:
    from framesrv.cli.outcome import Fault

    if file is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text"
        raise Fault(f"--token-file {file} cannot be read: {why}") from None
    if not token or not all("!" <= sign <= "~" for sign in token):
        raise Fault(f"--token-file {file} does not hold one token of visible ASCII characters")
    return token
