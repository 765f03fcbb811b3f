"""The findings of a checkup, for people."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape

from framesrv.cli.checkup import Finding, Mark

_SIGNS = {Mark.GOOD: "[green]ok[/]", Mark.NOTE: "[yellow]--[/]", Mark.BAD: "[bold red]!![/]"}


def show(findings: Sequence[Finding]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for group, members in groupby(findings, key=lambda each: each.group):
        console.print(f"[bold]{group}[/]")
        for each in members:
            console.print(f"  {_SIGNS[each.mark]} {escape(each.name):<24} {escape(each.value)}")
            if each.advice:
                console.print(f"     {'':<24} [dim]{escape(each.advice)}[/]")
    bad = sum(each.mark is Mark.BAD for each in findings)
    if bad:
        console.print(f"\n[bold red]{bad} to mend[/] before a server runs well here")
    else:
        console.print("\n[bold green]fit to serve[/]")
