"""Puts the figures of the kept results into the documents: ``python -m tools.figures [--check]``.

A document says where they go, up to ``<!-- end -->``:

- ``<!-- figures: SUITE KEY... -->``: those of these keys or scenarios; without any, all
  that have a target; SUITE may be ``all``
- ``<!-- table: SUITE TITLE -->``: the table of that title
- ``<!-- machine: SUITE -->``: where they were taken, and with which command

So no number in them is typed by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import RESULTS
from benchmarks.report import number

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = ("README.md", "docs/performance.md")
_BLOCK: Final = re.compile(
    r"<!-- (figures|table|machine): (\w+)([^\n]*?) -->\n(.*?)<!-- end -->", re.DOTALL
)

Report = Mapping[str, Any]


class FigureFault(Exception):
    """A document asks for what no result has."""


def filled(text: str, reports: Mapping[str, Report]) -> str:
    """The document with every block as the reports have it."""

    every = [figure for report in reports.values() for figure in report["figures"]]
    known = {**reports, "all": {"suite": "all", "figures": every, "tables": []}}

    def block(match: re.Match[str]) -> str:
        kind, suite, rest, _ = match.groups()
        if suite not in known or (suite == "all" and kind != "figures"):
            raise FigureFault(f"no result is kept of {suite!r}; there are {', '.join(reports)}")
        lines = _KINDS[kind](known[suite], rest.strip())
        head = match[0].partition("\n")[0]
        return "\n".join([head, *lines, "<!-- end -->"])

    return _BLOCK.sub(block, text)


def _figures(report: Report, keys: str) -> list[str]:
    wanted = keys.split()
    if not wanted:
        rows = [figure for figure in report["figures"] if figure["target"]]
    else:  # in the order in which they are asked for
        rows = [f for key in wanted for f in report["figures"] if _is_of(f["key"], key)]
    if not rows or any(not any(_is_of(f["key"], key) for f in rows) for key in wanted):
        raise FigureFault(f"{report['suite']} has no figures for every one of {keys!r}")
    return _markdown(("what", "target", "measured"), [_row(figure) for figure in rows])


def _is_of(key: str, wanted: str) -> bool:
    """
    >>> [_is_of("peers.p99", wanted) for wanted in ("peers.p99", "peers", "peers.p")]
    [True, True, False]
    """
    return key == wanted or key.startswith(wanted + ".")


def _row(figure: Mapping[str, Any]) -> tuple[str, str, str]:
    scenario = figure["key"].partition(".")[0]
    shown = number(figure["value"], figure["unit"])
    if figure["met"] is False:
        shown = f"**{shown}**, short"
    return f"{scenario}: {figure['what']}", figure["target"] or "", shown


def _table(report: Report, title: str) -> list[str]:
    for table in report["tables"]:
        if table["title"] == title:
            return _markdown(table["columns"], table["rows"])
    titles = ", ".join(repr(table["title"]) for table in report["tables"])
    raise FigureFault(f"{report['suite']} has no table {title!r}; it has {titles}")


def _machine(report: Report, _: str) -> list[str]:
    here = report["machine"]
    quick = "; **a quick run, which says nothing**" if report["quick"] else ""
    told = (
        f"`{report['command']}`, {here['cpu']}, {here['cores_usable']} of {here['cores']} cores, "
        f"{here['python']}, NumPy {here['numpy']}; load at the start {here['load']}{quick}."
    )
    return [told]


_KINDS: Final = {"figures": _figures, "table": _table, "machine": _machine}


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    every = [tuple(columns), ("---",) * len(columns), *rows]
    return [
        "| " + " | ".join(cell.replace("|", "\\|") or " " for cell in row) + " |" for row in every
    ]


def kept() -> dict[str, Report]:
    files = sorted(RESULTS.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def main(arguments: Sequence[str]) -> int:
    reports, stale = kept(), []
    for page in PAGES:
        path = ROOT / page
        text = path.read_text(encoding="utf-8")
        try:
            now = filled(text, reports)
        except FigureFault as fault:
            print(f"{page}: {fault}", file=sys.stderr)
            return 1
        if now != text:
            stale.append(page)
            if "--check" not in arguments:
                path.write_text(now, encoding="utf-8")
    if stale and "--check" in arguments:
        told = ", ".join(stale)
        print(f"{told}: not the figures of benchmarks/results; run make figures", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
