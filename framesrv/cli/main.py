"""The ``framesrv`` command: what it offers, and how it ends when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final

from framesrv.errors import BadConfig

# Name and function of each command, in the order of --help. What its module calls EPILOG stands
# below its help.
COMMANDS: Final = (
    ("serve", "framesrv.cli.serve:serve"),
    ("send", "framesrv.cli.send:send"),
    ("subscribe", "framesrv.cli.subscribe:subscribe"),
    ("bench", "framesrv.cli.bench:bench"),
    ("top", "framesrv.cli.top:top"),
    ("doctor", "framesrv.cli.doctor:doctor"),
)

OK: Final = 0
FAULT: Final = 1
CANNOT_START: Final = 2
INTERRUPTED: Final = 130

_ABOUT: Final = """\
A video frame server whose memory is bounded by construction.

Clients send frames, or batches of frames, over gRPC; the server decodes, resizes, converts and
encodes them, or runs your own Python on them, in buffers that it borrowed from bounded pools.
"""


def main() -> None:
    """Run the command that was asked for, and exit."""
    try:
        code = _run()
    except BadConfig as fault:
        code = _told(str(fault))
    except ModuleNotFoundError as missing:
        code = _missing(missing)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _run() -> int:
    import typer

    app = typer.Typer(
        help=_ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback()
    def framesrv(
        version: bool = typer.Option(
            False,
            "--version",
            help="Say the version, and exit.",
            callback=_say_version,
            is_eager=True,
        ),
    ) -> None:
        pass

    for name, target in COMMANDS:
        command, epilog = _loaded(target)
        app.command(name, epilog=epilog)(command)
    app(prog_name="framesrv")
    return OK


def _loaded(target: str) -> tuple[Callable[..., None], str | None]:
    name, _, attribute = target.partition(":")
    module = import_module(name)
    return getattr(module, attribute), getattr(module, "EPILOG", None)


def _say_version(asked: bool) -> None:
    if asked:
        import typer

        import framesrv

        print(f"framesrv {framesrv.__version__}")
        raise typer.Exit


def _told(text: str) -> int:
    print(f"framesrv: {text}", file=sys.stderr)
    return CANNOT_START


def _missing(error: ModuleNotFoundError) -> int:
    """A library of ours that is not installed. A module of framesrv itself would be our bug."""
    name = error.name or "?"
    if name.partition(".")[0] == "framesrv":
        raise error
    return _told(
        f"the library {name!r} is missing from this Python ({sys.executable}): install framesrv "
        "with all that it needs, for instance by `pip install --upgrade framesrv`"
    )
