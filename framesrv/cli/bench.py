"""`framesrv bench`: its arguments and what it says of itself. The work is in `loading`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from framesrv.cli.target import DEFAULT_TO, SERVER, TlsCa, TlsCert, TlsKey, To, complain

_LOAD: Final = "The load"
_FRAMES: Final = "The frames"
_FIND: Final = "How many streams"

EPILOG: Final = """\
[bold]Latency[/bold] counts from when a frame was due, not from when there was time to send it, and
the first second is warm-up. The load is bounded and ends by itself; Ctrl-C prints what was
measured so far.

[bold]Exit codes.[/bold] 0: all frames ok. 1: some failed, or not even one stream was found.
2: bad arguments. 3: no server, or it refused. 130: interrupted.
"""


class ModeWord(StrEnum):
    UNARY = "unary"
    STREAM = "stream"


Spawn = Annotated[
    bool,
    typer.Option("--spawn", rich_help_panel=SERVER,
                 help="Start a server for the test, and stop it after."),
]  # fmt: skip
ModeOption = Annotated[
    ModeWord,
    typer.Option("--mode", rich_help_panel=_LOAD, help="A call a batch, or long-lived streams."),
]
Streams = Annotated[
    int,
    typer.Option(metavar="N", rich_help_panel=_LOAD,
                 help="Streams at once; in mode unary, callers."),
]  # fmt: skip
Connections = Annotated[
    int, typer.Option(metavar="N", rich_help_panel=_LOAD, help="That the streams take turns on.")
]
Batch = Annotated[int, typer.Option(metavar="N", rich_help_panel=_LOAD, help="Frames a message.")]
InFlight = Annotated[
    int,
    typer.Option(metavar="N", rich_help_panel=_LOAD,
                 help="Messages a stream has on their way; only without --fps and --rate."),
]  # fmt: skip
Fps = Annotated[
    float | None,
    typer.Option(metavar="N", rich_help_panel=_LOAD, show_default=False,
                 help="Of each stream, whether answers come or not (open loop). Without it, each "
                 "sends as soon as it is answered (closed loop)."),
]  # fmt: skip
Rate = Annotated[
    float | None,
    typer.Option(metavar="N", rich_help_panel=_LOAD, show_default=False,
                 help="The same, for all streams together."),
]  # fmt: skip
Duration = Annotated[float, typer.Option(metavar="S", rich_help_panel=_LOAD, help="Of a test.")]
Warmup = Annotated[
    float, typer.Option(metavar="S", rich_help_panel=_LOAD, help="Before it, not counted.")
]
PipelineOption = Annotated[
    str | None,
    typer.Option(metavar="NAME|FILE", rich_help_panel=_FRAMES, show_default=False,
                 help="As in `framesrv send`."),
]  # fmt: skip
Size = Annotated[
    str, typer.Option(metavar="WxH", rich_help_panel=_FRAMES, help="Of the test pictures.")
]
Image = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=_FRAMES, show_default=False,
                 help="Send this image instead."),
]  # fmt: skip
Quality = Annotated[
    int,
    typer.Option(metavar="Q", min=1, max=100, rich_help_panel=_FRAMES, help="Of their JPEGs."),
]
Raw = Annotated[bool, typer.Option("--raw", rich_help_panel=_FRAMES, help="Pixels, not JPEG.")]
Find = Annotated[
    bool,
    typer.Option("--find-streams", rich_help_panel=_FIND,
                 help="Try more and more streams (of --fps, or 30) for --duration each."),
]  # fmt: skip
P99 = Annotated[
    float,
    typer.Option("--p99-ms", metavar="MS", min=0.1, rich_help_panel=_FIND,
                 help="What the slowest frame in a hundred may take."),
]  # fmt: skip
StreamsMax = Annotated[
    int,
    typer.Option(metavar="N", min=1, max=1024, rich_help_panel=_FIND, help="Look no further."),
]
JsonFile = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE|-", show_default=False,
                 help="All figures, for programs; - is stdout, the table then goes to stderr."),
]  # fmt: skip


def bench(  # noqa: PLR0917 - a parameter for each flag
    to: To = DEFAULT_TO,
    spawn: Spawn = False,
    mode: ModeOption = ModeWord.STREAM,
    streams: Streams = 4,
    connections: Connections = 2,
    batch: Batch = 1,
    in_flight: InFlight = 4,
    fps: Fps = None,
    rate: Rate = None,
    duration: Duration = 10.0,
    warmup: Warmup = 1.0,
    pipeline: PipelineOption = None,
    size: Size = "1280x720",
    image: Image = None,
    jpeg_quality: Quality = 85,
    raw: Raw = False,
    find_streams: Find = False,
    p99_ms: P99 = 50.0,
    streams_max: StreamsMax = 256,
    json_file: JsonFile = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Measure a server: frames a second, latencies, failures.

    \b
    framesrv bench --spawn
    framesrv bench --to gpu3:50051 --batch 25
    framesrv bench --mode unary --rate 400 --duration 30
    framesrv bench --streams 20 --fps 30 --json figures.json
    framesrv bench --find-streams --p99-ms 50 --duration 5
    """
    from framesrv.cli import loading
    from framesrv.cli.load_plan import LoadPlan, pace
    from framesrv.cli.outcome import Fault

    try:
        plan = LoadPlan(
            to, mode.value, connections, 1 if find_streams else streams, batch, in_flight,
            pace(fps, rate, streams, find_streams=find_streams), duration, warmup, pipeline,
            tls_ca, tls_cert, tls_key,
        )  # fmt: skip
        code = loading.run(
            loading.Bench(plan, spawn, image, size, jpeg_quality, raw, find_streams, p99_ms,
                          streams_max, json_file)
        )  # fmt: skip
    except Fault as fault:
        complain("bench", fault.message)
        raise typer.Exit(int(fault.code)) from None
    except KeyboardInterrupt:
        complain("bench", "interrupted before anything was measured")
        raise typer.Exit(130) from None
    raise typer.Exit(int(code))
