"""`framesrv doctor`: what it prints, and its exit code. The looking is in `checkup`."""

from __future__ import annotations

from typing import Annotated, Final

import typer

EPILOG: Final = """\
[bold]Exit codes.[/bold] 0: all is well. 1: something that matters is not, and the text says what
to do about it.
"""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="All findings, for programs.")] = False,
) -> None:
    """Look whether this machine is fit for a server: versions, codecs, cores, memory, ports.

    \b
    framesrv doctor
    framesrv doctor --json
    """
    from framesrv.cli.checkup import Mark, examine

    findings = examine()
    if as_json:
        import json

        report = {
            "ok": all(each.mark is not Mark.BAD for each in findings),
            "findings": [each.as_dict() for each in findings],
        }
        print(json.dumps(report, indent=2))
    else:
        from framesrv.cli.checkup_report import show

        show(findings)
    raise typer.Exit(int(any(each.mark is Mark.BAD for each in findings)))
