"""Where results are kept: a JSON file a suite, and its charts beside it, in ``benchmarks/results``.

The files of the last full run are part of the repository, so that a later run has something to
be compared with. Everything is written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.model import Chart

RESULTS: Final = Path(__file__).parent / "results"


def keep(folder: Path, report: Mapping[str, Any], charts: Sequence[Chart]) -> list[Path]:
    """Write what a suite found; the names of the files."""
    from benchmarks.plots import draw  # the library that draws is slow to load

    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{report['suite']}.json"]
    save(written[0], report)
    for chart in charts:
        for ending in ("svg", "png"):
            path = folder / f"{chart.name}.{ending}"
            whole(path, partial(draw, chart, ending))
            written.append(path)
    return written


def save(path: Path, report: Mapping[str, Any]) -> None:
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """All or nothing: an interrupt leaves no half file."""
    part = path.with_name(path.name + ".part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
