"""Two runs side by side: ``python -m benchmarks.compare [OLD [NEW]]``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import RESULTS
from benchmarks.machine import git, in_one_line
from benchmarks.model import Table
from benchmarks.report import number, plain

Report = Mapping[str, Any]
_ROOT: Final = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        pairs = list(_pairs(options.old, options.new))
    except (OSError, ValueError) as error:
        print(f"benchmarks.compare: {error}", file=sys.stderr)
        return 2
    if not pairs:
        print("every result is the one that is committed; run make bench, or name two files")
        return 0
    for old, new in pairs:
        print(shown(old, new) + "\n")
    return 0


def shown(old: Report, new: Report) -> str:
    lines = [
        f"{new['suite']}: {old['commit']} on {in_one_line(old['machine'])}",
        f"{' ' * len(new['suite'])}  {new['commit']} on {in_one_line(new['machine'])}",
    ]
    if old["machine"]["cpu"] != new["machine"]["cpu"]:
        lines.append("not the same processor: compare the ratios (x), not the times")
    if old["quick"] or new["quick"]:
        lines.append("one of them is a quick run: its figures say nothing")
    return "\n".join([*lines, "", plain(table(old, new))])


def table(old: Report, new: Report) -> Table:
    before = {figure["key"]: figure for figure in old["figures"]}
    after = {figure["key"]: figure for figure in new["figures"]}
    rows = [_row(key, before.get(key), after.get(key)) for key in dict.fromkeys([*before, *after])]
    return Table("", ("figure", "old", "new", "new / old", "target", ""), rows)


def _row(key: str, old: Report | None, new: Report | None) -> tuple[str, ...]:
    shown = [number(each["value"], each["unit"]) if each else "-" for each in (old, new)]
    ratio = f"{new['value'] / old['value']:.2f}" if old and new and old["value"] else ""
    known = new or old or {}
    return (key, *shown, ratio, known.get("target") or "", _change(old, new))


def _change(old: Report | None, new: Report | None) -> str:
    if not old or not new or new["met"] is None:
        return ""
    return {
        (True, False): "LOST",
        (False, True): "won",
        (False, False): "still missed",
    }.get((bool(old["met"]), bool(new["met"])), "ok")


def _pairs(old: Path | None, new: Path | None) -> Iterator[tuple[Report, Report]]:
    if old is not None:
        first = _load(old.read_text(encoding="utf-8"), old.name)
        now = new or RESULTS / f"{first['suite']}.json"
        yield first, _load(now.read_text(encoding="utf-8"), now.name)
        return
    for path in sorted(RESULTS.glob("*.json")):
        kept = git("show", f"HEAD:{path.relative_to(_ROOT).as_posix()}")
        text = path.read_text(encoding="utf-8")
        if kept is not None and kept.strip() != text.strip():
            yield _load(kept, f"{path.name} as committed"), _load(text, path.name)


def _load(text: str, name: str) -> Report:
    try:
        report = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name} is no JSON: {error}") from None
    if not isinstance(report, dict) or not {"suite", "figures", "machine"} <= report.keys():
        raise ValueError(f"{name} is not a result of the benchmarks")
    return report


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compare",
        description="Set two runs side by side. Without files: what is in benchmarks/results "
        "now, beside what is committed.",
    )
    parser.add_argument("old", type=Path, nargs="?", help="a JSON file of an earlier run")
    parser.add_argument(
        "new",
        type=Path,
        nargs="?",
        help="a later one (default: that suite's last)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
