"""What the commands that talk to a server share: its options, those of results, and complaints."""

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

Timeout = Annotated[
    float,
    typer.Option(
        metavar="S", min=0.1, max=3600, rich_help_panel=SERVER,
        help="Give up when an answer that is due has not come for so long.",
    ),
]  # fmt: skip

Out = Annotated[
    str,
    typer.Option(
        metavar="FOLDER|VIDEO.mp4|none",
        help="Where the results go: a folder (frame-000001.jpg ...), a video, or nowhere.",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite results that are there already.")]
Json = Annotated[
    bool, typer.Option("--json", help="The summary as JSON on stdout, all else on stderr.")
]


def complain(command: str, message: str) -> None:
    """One line, on stderr; bold red where that can be seen."""
    line = " ".join(message.split())
    red, plain = ("\033[1;31m", "\033[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}framesrv {command}:{plain} {line}", file=sys.stderr, flush=True)
