"""`framesrv send`: its arguments and what it says of itself. The work is in `sending`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

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
)

_FLOW = "How the frames flow"

EPILOG = """\
[bold]Ctrl-C[/bold] ends it tidily: the stream is closed, each file is whole or gone, and a summary
says what was done.

[bold]Exit codes.[/bold] 0: all frames ok. 1: some failed or were dropped. 2: bad arguments, or a
source or an output that cannot be used. 3: the server is not reachable, or it refused the call.
130: interrupted.
"""

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A video file, a folder of images, an image, a camera's number (0), an address "
        "(rtsp://...), or synthetic:WIDTHxHEIGHT@FPS, a moving test picture.",
        show_default=False,
    ),
]
PipelineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="What to do with each frame: a name that the server knows, or a .json or .toml file. "
        "Without it: the server's default.",
        show_default=False,
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, max=65536, rich_help_panel=_FLOW, show_default="16, or two batches",
        help="Frames on their way at once.",
    ),
]  # fmt: skip
Batch = Annotated[
    int,
    typer.Option(metavar="N", min=1, max=4096, rich_help_panel=_FLOW,
                 help="Frames in a message: more cost less each, and wait for each other."),
]  # fmt: skip
Fps = Annotated[
    float | None,
    typer.Option(
        metavar="N", min=0, max=1000, rich_help_panel=_FLOW, show_default=False,
        help="Frames a second at most; 0 is as fast as the server takes them, which is the "
        "default for files. Of a camera, the frames between are skipped.",
    ),
]  # fmt: skip
Frames = Annotated[
    int,
    typer.Option(metavar="N", min=0, rich_help_panel=_FLOW, show_default="all",
                 help="Stop after so many; 0 is all."),
]  # fmt: skip


class DropWord(StrEnum):
    BLOCK = "block"
    OLDEST = "oldest"
    NEWEST = "newest"


DropOption = Annotated[
    DropWord | None,
    typer.Option(
        "--drop", rich_help_panel=_FLOW, show_default="block, and oldest for cameras",
        help="When there are more frames than the window holds: wait; let the freshest win; or "
        "finish what is queued. A file then runs at its own speed.",
    ),
]  # fmt: skip
MaxAge = Annotated[
    float | None,
    typer.Option(metavar="S", rich_help_panel=_FLOW,
                 help="Drop frames that have waited longer at the server."),
]  # fmt: skip
StreamId = Annotated[
    str, typer.Option(metavar="ID", rich_help_panel=_FLOW, show_default=False,
                      help="The stream's name, for others and for the logs.")
]  # fmt: skip
Publish = Annotated[
    bool,
    typer.Option("--publish", rich_help_panel=_FLOW,
                 help="Let others subscribe to the results; needs --stream-id."),
]  # fmt: skip
Quality = Annotated[
    int,
    typer.Option(metavar="Q", min=1, max=100,
                 help="Of the JPEGs that are sent; image files go as they are."),
]  # fmt: skip
Raw = Annotated[bool, typer.Option("--raw", help="Send pixels, not JPEG: less CPU, more bytes.")]


def send(  # noqa: PLR0917 - a parameter for each flag
    source: Source,
    to: To = DEFAULT_TO,
    out: Out = "none",
    pipeline: PipelineOption = None,
    force: Force = False,
    raw: Raw = False,
    jpeg_quality: Quality = 90,
    as_json: Json = False,
    window: Window = None,
    batch: Batch = 1,
    fps: Fps = None,
    frames: Frames = 0,
    drop: DropOption = None,
    max_age: MaxAge = None,
    stream_id: StreamId = "",
    publish: Publish = False,
    timeout: Timeout = 30.0,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Send a video, a camera, images or a test picture through a server.

    \b
    framesrv send synthetic: --frames 300
    framesrv send holiday.mp4 --out small.mp4
    framesrv send photos/ --out thumbnails/ --pipeline thumbnail.toml
    framesrv send 0 --publish --stream-id door
    framesrv send rtsp://camera.local/live --drop oldest --max-age 0.2
    """
    from framesrv.cli import sending as job
    from framesrv.cli.reaching import Server

    asked = job.Sending(
        source, Server(to, timeout, tls_ca, tls_cert, tls_key), out, pipeline, window, batch, fps,
        frames, drop.value if drop else None, max_age, stream_id, publish, jpeg_quality, raw, force,
    )  # fmt: skip
    conclude("send", lambda: job.run(asked), as_json=as_json)
