"""What the commands that talk to a server share: where it is, and how they complain."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

DEFAULT_TO: Final = "127.0.0.1:50051"
SERVER: Final = "Where the server is"  # the panel of these options in --help

To = Annotated[
    str,
    typer.Option(help="The server: HOST:PORT or unix:PATH.", rich_help_panel=SERVER),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(help="PEM file: who signed the server's certificate.", rich_help_panel=SERVER),
]
TlsCert = Annotated[
    Path | None, typer.Option(help="PEM file: our own certificate.", rich_help_panel=SERVER)
]
TlsKey = Annotated[Path | None, typer.Option(help="PEM file: its key.", rich_help_panel=SERVER)]


def complain(command: str, message: str) -> None:
    """One line, on stderr; bold red where that can be seen."""
    line = " ".join(message.split())
    red, plain = ("\033[1;31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}framesrv {command}:{plain} {line}", file=sys.stderr, flush=True)
