"""`framesrv subscribe`: its arguments and what it says of itself. The work is in `subscribing`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from framesrv.cli.conclude import conclude
from framesrv.cli.target import (
    DEFAULT_TO,
    Force,
    Json,
    Out,
    Timeout,
    TlsCa,
    TlsCert,
    TlsKey,
    To,
    complain,
)

DEFAULT_DASHBOARD: Final = "http://127.0.0.1:9464/"
_MERGING: Final = "Several streams as one"
_BROWSER: Final = "In a browser"

EPILOG: Final = """\
[bold]Ctrl-C[/bold] ends it tidily: the subscription is closed, each file is whole or gone, and a
summary says what came. It does not end by itself when a stream ends: the next publisher of that
name is waited for.

[bold]Exit codes.[/bold] 0: every frame that the server had for this subscriber came; with --merge,
windows came. 1: frames were missed, or nothing came. 2: bad arguments, or an output that cannot be
used. 3: the server is not reachable, refused the call or ended it. 130: interrupted.
"""

Streams = Annotated[
    list[str] | None,
    typer.Argument(metavar="STREAM...", help="The ids under which they are published.",
                   show_default=False),
]  # fmt: skip
All = Annotated[
    bool,
    typer.Option("--all", help="Every published stream, also those that start later."),
]
Wait = Annotated[
    bool,
    typer.Option("--wait", help="Wait for a stream that nobody publishes yet."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", show_default="all",
                 help="An output of the publisher's pipeline; may be repeated."),
]  # fmt: skip
Queue = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=4096, show_default="the server's",
        help="Frames that the server keeps for us of each stream; the oldest fall out.",
    ),
]  # fmt: skip
Frames = Annotated[
    int,
    typer.Option(metavar="N", min=0, show_default="no end",
                 help="Stop after so many frames, or windows of a merge."),
]  # fmt: skip
Seconds = Annotated[
    float | None,
    typer.Option(metavar="S", min=0.1, max=1e7, show_default="no end", help="Stop after so long."),
]
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="N", min=0.1, max=1000, show_default="30, or a merge's windows",
        help="Of a video: the frames are put where their times say.",
    ),
]  # fmt: skip
MergeLength = Annotated[
    float | None,
    typer.Option(
        "--merge", metavar="S", min=0.001, max=60, rich_help_panel=_MERGING, show_default=False,
        help="Join what the streams captured within so many seconds, the newest of each; the "
        "results are one mosaic for all.",
    ),
]  # fmt: skip
Lateness = Annotated[
    float | None,
    typer.Option(
        metavar="S", min=0, max=60, rich_help_panel=_MERGING, show_default="0.3",
        help="How long a window waits for stragglers; one that is complete does not wait.",
    ),
]  # fmt: skip
MosaicSize = Annotated[
    str | None,
    typer.Option(metavar="WIDTHxHEIGHT", rich_help_panel=_MERGING,
                 show_default="1280x720 if there is --out", help="The size of the mosaic."),
]  # fmt: skip
Columns = Annotated[
    int,
    typer.Option(metavar="N", min=0, max=64, rich_help_panel=_MERGING,
                 show_default="as square as can be", help="Of the mosaic."),
]  # fmt: skip
Open = Annotated[
    bool,
    typer.Option("--open", rich_help_panel=_BROWSER,
                 help="Show the streams in a browser instead; the server needs --websocket."),
]  # fmt: skip
Dashboard = Annotated[
    str,
    typer.Option(metavar="URL", rich_help_panel=_BROWSER,
                 help="The server's HTTP address, which is in its ready line."),
]  # fmt: skip


def subscribe(  # noqa: PLR0917 - a parameter for each flag
    streams: Streams = None,
    to: To = DEFAULT_TO,
    all_streams: All = False,
    wait: Wait = False,
    outputs: Outputs = None,
    queue: Queue = None,
    frames: Frames = 0,
    seconds: Seconds = None,
    out: Out = "none",
    force: Force = False,
    fps: Fps = None,
    as_json: Json = False,
    merge: MergeLength = None,
    lateness: Lateness = None,
    mosaic: MosaicSize = None,
    columns: Columns = 0,
    open_page: Open = False,
    dashboard: Dashboard = DEFAULT_DASHBOARD,
    timeout: Timeout = 30.0,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Watch streams that others publish: into a folder, a video, or a browser.

    \b
    framesrv subscribe door --out frames/
    framesrv subscribe door --wait --out door.mp4 --seconds 60
    framesrv subscribe door yard --merge 0.1 --mosaic 1280x360 --out both.mp4
    framesrv subscribe --all
    framesrv subscribe door yard --merge 0.1 --open
    """
    from framesrv.cli import subscribing as job
    from framesrv.cli.outcome import Fault
    from framesrv.cli.reaching import Server

    asked = job.Subscribing(
        tuple(streams or ()), all_streams, wait, tuple(outputs or ()), queue, frames, seconds,
        merge, lateness, mosaic, columns, Server(to, timeout, tls_ca, tls_cert, tls_key), out,
        force, fps,
    )  # fmt: skip
    if open_page:
        from framesrv.cli.browsing import open_watch

        try:
            print(open_watch(dashboard, asked), flush=True)
        except Fault as fault:
            complain("subscribe", fault.message)
            raise typer.Exit(int(fault.code)) from None
        return
    conclude("subscribe", lambda: job.run(asked), as_json=as_json)
