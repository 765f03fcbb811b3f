"""How the figures are shown: as plain text, as Markdown, as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.machine import commit
from benchmarks.model import Figure, Outcome, Scenario, Table, Target

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
    draw = _markdown if markdown else _plain
    parts = [draw(table) for table in tables]
    parts.append("\n".join(outcome.notes))
    return "\n\n".join(parts) + "\n"


def as_json(
    results: Results, targets: Mapping[str, Target], here: Mapping[str, Any], *, quick: bool
) -> dict[str, Any]:
    figures = [figure for _, outcome in results for figure in outcome.figures]
    return {
        "machine": here,
        "commit": commit(),
        "quick": quick,
        "figures": [_record(figure, targets) for figure in figures],
        "targets": {key: str(target) for key, target in targets.items()},
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
            _number(figure.value, figure.unit),
            str(targets.get(figure.key, "")),
            verdict(figure, targets),
            f"{figure.low:.2f} - {figure.high:.2f}" if figure.low is not None else "",
            figure.here,
        )
        for figure in figures
    ]
    columns = ("what", "figure", "target", "", "middle half of rounds", "here")
    return Table(scenario.title, columns, rows)


def _number(value: float, unit: str) -> str:
    """
    >>> _number(0.7123, "x"), _number(1200, "bytes"), _number(161.44, "x")
    ('0.71 x', '1,200 bytes', '161.4 x')
    """
    if isinstance(value, int):
        text = f"{value:,}"
    else:
        text = f"{value:.2f}" if abs(value) < 100 else f"{value:,.1f}"
    return f"{text} {unit}".rstrip()


def _plain(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(table.columns, *table.rows, strict=True)]
    return "\n".join([table.title, *_aligned(table, widths)])


def _aligned(table: Table, widths: Sequence[int]) -> Iterator[str]:
    for row in (table.columns, tuple("-" * width for width in widths), *table.rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.ljust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join(cells).rstrip()


def _markdown(table: Table) -> str:
    rows = (table.columns, ("---",) * len(table.columns), *table.rows)
    lines = ["| " + " | ".join(cell or " " for cell in row) + " |" for row in rows]
    return "\n".join([f"**{table.title}**", "", *lines])
