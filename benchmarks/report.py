"""How the figures are shown: as plain text, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.machine import commit
from benchmarks.model import Figure, Outcome, Scenario, Table, Target
from benchmarks.suites import Suite

Results = Sequence[tuple[Scenario, Outcome]]


def verdict(figure: Figure, targets: Mapping[str, Target]) -> str:
    """
    >>> verdict(Figure("a.b", "", 2.0), {"a.b": Target("<=", 1.0)})
    'MISSED'
    """
    target = targets.get(figure.key)
    if target is None:
        return ""
    return "ok" if target.is_met(figure.value) else "MISSED"


def missed(results: Results, targets: Mapping[str, Target]) -> list[Figure]:
    figures = (figure for _, outcome in results for figure in outcome.figures)
    return [figure for figure in figures if verdict(figure, targets) == "MISSED"]


def shown(
    scenario: Scenario, outcome: Outcome, targets: Mapping[str, Target], *, markdown: bool
) -> str:
    """One scenario: its tables and what was counted."""
    tables = outcome.tables or (_listed(scenario, outcome.figures, targets),)
    tables = (*outcome.details, *tables)
    draw = in_markdown if markdown else plain
    parts = [draw(table) for table in tables]
    parts.append("\n".join(outcome.notes))
    return "\n\n".join(parts) + "\n"


def as_json(
    suite: Suite,
    results: Results,
    targets: Mapping[str, Target],
    here: Mapping[str, Any],
    *,
    quick: bool,
) -> dict[str, Any]:
    figures = [figure for _, outcome in results for figure in outcome.figures]
    return {
        "suite": suite.name,
        "command": suite.command,
        "machine": here,
        "commit": commit(),
        "quick": quick,
        "figures": [_record(figure, targets) for figure in figures],
        "tables": [asdict(table) for _, outcome in results for table in outcome.details],
        "charts": [asdict(chart) for _, outcome in results for chart in outcome.charts],
        "notes": [note for _, outcome in results for note in outcome.notes],
        "targets": {
            key: str(target)
            for key, target in targets.items()
            if key.partition(".")[0] in {scenario.name for scenario, _ in results}
        },
        "missed": [figure.key for figure in missed(results, targets)],
    }


def _record(figure: Figure, targets: Mapping[str, Target]) -> dict[str, Any]:
    target = targets.get(figure.key)
    return {
        "key": figure.key,
        "what": figure.what,
        "value": figure.value,
        "unit": figure.unit,
        "middle_half": None if figure.low is None else [figure.low, figure.high],
        "here": figure.here,
        "target": None if target is None else str(target),
        "met": None if target is None else target.is_met(figure.value),
    }


def _listed(scenario: Scenario, figures: Sequence[Figure], targets: Mapping[str, Target]) -> Table:
    rows = [
        (
            figure.what,
            number(figure.value, figure.unit),
            str(targets.get(figure.key, "")),
            verdict(figure, targets),
            f"{figure.low:.2f} - {figure.high:.2f}" if figure.low is not None else "",
            figure.here,
        )
        for figure in figures
    ]
    columns = ("what", "figure", "target", "", "middle half of rounds", "here")
    return Table(scenario.title, columns, rows)


def number(value: float, unit: str) -> str:
    """
    >>> number(0.7123, "x"), number(1200, "bytes"), number(161.44, "x")
    ('0.71 x', '1,200 bytes', '161.4 x')
    """
    if isinstance(value, int):
        text = f"{value:,}"
    else:
        text = f"{value:.2f}" if abs(value) < 100 else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def plain(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    return "\n".join([table.title, *_aligned(table, widths)])


def _aligned(table: Table, widths: Sequence[int]) -> Iterator[str]:
    for row in (table.columns, tuple("-" * width for width in widths), *table.rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.ljust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def in_markdown(table: Table) -> str:
    rows = (table.columns, ("---",) * len(table.columns), *table.rows)
    lines = ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join([f"**{table.title}**", "", *lines])
