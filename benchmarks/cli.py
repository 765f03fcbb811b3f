"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness import Bench
from benchmarks.machine import in_one_line, machine
from benchmarks.model import Outcome, Scenario, Target
from benchmarks.progress import Progress
from benchmarks.report import as_json, missed, shown
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import TARGETS, with_limits

INTERRUPTED = 130  # 128 + SIGINT, as shells expect


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:<12} {scenario.title}")
        return 0
    progress = Progress()
    try:
        return _run(options, progress)
    except KeyboardInterrupt:
        progress.clear()
        print("benchmarks: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the tables has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _run(options: argparse.Namespace, progress: Progress) -> int:
    targets = with_limits(dict(options.target))
    bench = Bench(progress, quick=options.quick)
    chosen = [s for s in SCENARIOS if not options.only or s.name in options.only]
    results: list[tuple[Scenario, Outcome]] = []
    here = machine()
    print(in_one_line(here) + "\n", flush=True)
    for number, scenario in enumerate(chosen, 1):
        progress.start(scenario.name, number, len(chosen))
        outcome = scenario.run(bench)
        progress.clear()
        results.append((scenario, outcome))
        print(shown(scenario, outcome, targets, markdown=options.markdown), flush=True)
    if options.json:
        _write(
            options.json, json.dumps(as_json(results, targets, here, quick=options.quick), indent=2)
        )
    failed = missed(results, targets)
    print(_summary(failed, targets, options))
    return 1 if failed and options.strict else 0


def _summary(
    failed: Sequence[object], targets: Mapping[str, Target], options: argparse.Namespace
) -> str:
    lines = [f"{len(failed)} target(s) missed" if failed else "no target missed"]
    lines += [f"not our limit: {key} {targets[key]}" for key, _ in options.target]
    if options.quick:
        lines.append("this was the quick form: its figures show that it runs, nothing more")
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    """All or nothing: an interrupt leaves no half file."""
    unfinished = path.with_name(path.name + ".part")
    try:
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the pools, and print the figures beside their targets.",
    )
    add = parser.add_argument
    names = [scenario.name for scenario in SCENARIOS]
    add("--list", action="store_true", help="list the scenarios and end")
    add("--only", metavar="NAME", action="append", choices=names, help="this one (may repeat)")
    add("--quick", action="store_true", help="seconds instead of minutes; the figures are rough")
    add("--markdown", action="store_true", help="print Markdown tables")
    add("--json", metavar="FILE", type=Path, help="also write all figures to FILE")
    add(
        "--strict",
        action="store_true",
        default=os.environ.get("STRICT", "") not in ("", "0"),
        help="end with 1 if a target is missed (also: STRICT=1 in the environment)",
    )
    add(
        "--target",
        metavar="KEY=LIMIT",
        action="append",
        default=[],
        type=_limit,
        help="judge by another limit, for instance roundtrip.off=0.7 (may repeat)",
    )
    return parser


def _limit(text: str) -> tuple[str, float]:
    key, _, number = text.partition("=")
    if key not in TARGETS:
        raise argparse.ArgumentTypeError(
            f"no target is called {key!r}; there are {', '.join(TARGETS)}"
        )
    try:
        return key, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"the limit of {key} must be a number") from None
