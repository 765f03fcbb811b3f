"""``framesrv serve``: read the configuration, run the server, end as the signals say."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

_LISTEN: Final = "Listening"
_WORK: Final = "Work"
_CONFIG: Final = "Configuration"

EPILOG: Final = """\
[bold]Signals.[/bold] SIGTERM and SIGINT drain: /readyz and gRPC health say not ready, streams are
told to go away, everything accepted is answered, and the server exits within the grace. A second
one ends it at once.

[bold]Exit codes.[/bold] 0: stopped as asked. 1: a fault of the server. 2: it cannot start: bad
configuration, an address in use, a missing library. 130 and 143: ended at once by a second
SIGINT or SIGTERM.

[bold]Output.[/bold] One line on stdout when it is ready, framesrv ready grpc=HOST:PORT[,...]
http=HOST:PORT, and the log on stderr.
"""

Listen = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST:PORT|unix:PATH",
        help="Where gRPC is served; repeat it for more. Port 0 picks a free one. "
        "[dim]\\[default: 127.0.0.1:50051][/dim]",
        rich_help_panel=_LISTEN,
    ),
]
Http = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|off",
        help="Where the dashboard, /metrics, /healthz and /readyz are served. "
        "[dim]\\[default: 127.0.0.1:9464][/dim]",
        rich_help_panel=_LISTEN,
    ),
]
TlsCert = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="The certificate, in PEM; with --tls-key.", rich_help_panel=_LISTEN
    ),
]
TlsKey = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="The certificate's private key, in PEM.", rich_help_panel=_LISTEN
    ),
]
TlsClientCa = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="gRPC clients must show a certificate signed by one of these.",
        rich_help_panel=_LISTEN,
    ),
]
InsecurePublic = Annotated[
    bool | None,
    typer.Option(
        "--insecure-public",
        help="Allow plaintext beyond this machine, where anybody on the way can read along, and "
        "HTTP without a token.",
        rich_help_panel=_LISTEN,
    ),
]
HttpTokenFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="All of HTTP but /healthz and /readyz asks for the token in this file, as "
        "Authorization: Bearer TOKEN or, in a browser, once. Needed beyond loopback.",
        rich_help_panel=_LISTEN,
    ),
]
Previews = Annotated[
    bool | None,
    typer.Option(
        "--previews",
        help="Let the dashboard show pictures of published streams.",
        rich_help_panel=_LISTEN,
    ),
]
WebSocket = Annotated[
    bool | None,
    typer.Option(
        "--websocket",
        help="Let browsers send frames and watch published streams, over WebSocket: the pages "
        "/camera and /watch.",
        rich_help_panel=_LISTEN,
    ),
]
Workers = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="Threads that work on pixels. [dim]\\[default: one a usable core][/dim]",
        rich_help_panel=_WORK,
    ),
]
ProcessorOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=PACKAGE.MODULE:ATTRIBUTE",
        help="Install your own operation under a name; repeat it for more.",
        rich_help_panel=_WORK,
    ),
]
Grace = Annotated[
    str | None,
    typer.Option(
        metavar="SECONDS",
        help="How long a drain waits for what was accepted. [dim]\\[default: 10][/dim]",
        rich_help_panel=_WORK,
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A TOML file with all settings. [dim]\\[default: $FRAMESRV_CONFIG][/dim]",
        rich_help_panel=_CONFIG,
    ),
]
LogLevel = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL",
        help="debug, info, warning or error. [dim]\\[default: info][/dim]",
        rich_help_panel=_CONFIG,
    ),
]
LogFormat = Annotated[
    str | None,
    typer.Option(
        metavar="FORMAT",
        help="json, human, or auto: human where stderr is a terminal. [dim]\\[default: auto][/dim]",
        rich_help_panel=_CONFIG,
    ),
]
Tracing = Annotated[
    bool | None,
    typer.Option(
        "--tracing",
        help="Send spans of batches and their stages by OpenTelemetry, as OTEL_* variables say. "
        "Needs framesrv\\[otel].",
        rich_help_panel=_CONFIG,
    ),
]
ShowConfig = Annotated[
    bool,
    typer.Option(
        "--show-config",
        help="Print every setting, its value and where it comes from, as a TOML file; exit.",
        rich_help_panel=_CONFIG,
    ),
]


def serve(  # noqa: PLR0917 - a parameter for each flag
    listen: Listen = None,
    http: Http = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_client_ca: TlsClientCa = None,
    insecure_public: InsecurePublic = None,
    http_token_file: HttpTokenFile = None,
    previews: Previews = None,
    websocket: WebSocket = None,
    workers: Workers = None,
    processor: ProcessorOption = None,
    grace: Grace = None,
    config: ConfigFile = None,
    log_level: LogLevel = None,
    log_format: LogFormat = None,
    tracing: Tracing = None,
    show_config: ShowConfig = False,
) -> None:
    """Run the server.

    Flags go before FRAMESRV_* variables (--tls-cert is FRAMESRV_TLS_CERT), those before the file
    of --config, that before the defaults. Everything that is wrong is reported at once.
    """
    # gRPC would write to stderr, in its own words, what we report in ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from framesrv.cli.running import load_configuration, run

    configuration = load_configuration(
        {
            "transport.listen": listen,
            "transport.tls_cert": tls_cert,
            "transport.tls_key": tls_key,
            "transport.tls_client_ca": tls_client_ca,
            "transport.insecure_public": insecure_public,
            "transport.grace_s": grace,
            "http.address": http,
            "http.token_file": http_token_file,
            "http.previews": previews,
            "http.websocket": websocket,
            "engine.workers": workers,
            "processors": processor,
            "log.level": log_level,
            "log.format": log_format,
            "tracing.enabled": tracing,
        },
        config,
    )
    if show_config:
        from framesrv.config import show

        print(show(configuration))
        return
    raise typer.Exit(run(configuration))
