"""The command: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.harness import Bench
from benchmarks.keeping import RESULTS, keep
from benchmarks.machine import in_one_line, machine
from benchmarks.model import Outcome, Scenario, Target
from benchmarks.progress import Progress
from benchmarks.report import as_json, missed, shown
from benchmarks.suites import SUITES, Suite
from benchmarks.targets import TARGETS, with_limits

INTERRUPTED = 130  # 128 + SIGINT, as shells expect


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.list:
        for suite in SUITES.values():
            print(f"{suite.name}: {suite.title} ({suite.command})")
            for scenario in suite.scenarios():
                print(f"  {scenario.name:<12} {scenario.title}")
        return 0
    suite = SUITES[options.suite]
    chosen = _chosen(suite, options.only)
    progress = Progress()
    try:
        return _run(suite, chosen, options, progress)
    except KeyboardInterrupt:
        progress.clear()
        print("benchmarks: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the tables has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _chosen(suite: Suite, only: Sequence[str] | None) -> list[Scenario]:
    scenarios = suite.scenarios()
    unknown = set(only or ()) - {scenario.name for scenario in scenarios}
    if unknown:
        names = ", ".join(scenario.name for scenario in scenarios)
        _parser().error(f"{suite.name} has no {', '.join(sorted(unknown))}; it has {names}")
    return [scenario for scenario in scenarios if not only or scenario.name in only]


def _run(
    suite: Suite, chosen: Sequence[Scenario], options: argparse.Namespace, progress: Progress
) -> int:
    targets = with_limits(dict(options.target))
    folder = _folder(options)
    bench = Bench(progress, quick=options.quick, minutes=options.minutes, folder=folder)
    results: list[tuple[Scenario, Outcome]] = []
    here = machine()
    print(in_one_line(here) + "\n", flush=True)
    for turn, scenario in enumerate(chosen, 1):
        progress.start(scenario.name, turn, len(chosen))
        outcome = scenario.run(bench)
        progress.clear()
        results.append((scenario, outcome))
        print(shown(scenario, outcome, targets, markdown=options.markdown), flush=True)
    report = as_json(suite, results, targets, here, quick=options.quick)
    if folder is not None:
        charts = [chart for _, outcome in results for chart in outcome.charts]
        print("written: " + ", ".join(path.name for path in keep(folder, report, charts)))
    failed = missed(results, targets)
    print(_summary(failed, targets, options))
    return 1 if failed and options.strict else 0


def _folder(options: argparse.Namespace) -> Path | None:
    """Only a whole run takes the place of the one that is kept."""
    if options.results is not None:
        return Path(options.results)
    return None if options.quick or options.only else RESULTS


def _summary(
    failed: Sequence[object], targets: Mapping[str, Target], options: argparse.Namespace
) -> str:
    lines = [f"{len(failed)} target(s) missed" if failed else "no target missed"]
    lines += [f"not our limit: {key} {targets[key]}" for key, _ in options.target]
    if options.quick:
        lines.append("this was the quick form: its figures show that it runs, nothing more")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure framesrv, and print the figures beside their targets.",
    )
    add = parser.add_argument
    add("suite", nargs="?", choices=list(SUITES), default="speed", help="what to measure")
    add("--list", action="store_true", help="list the suites and their scenarios, and end")
    add("--only", metavar="NAME", action="append", help="this scenario (may repeat)")
    add("--quick", action="store_true", help="seconds instead of minutes; the figures are rough")
    add("--minutes", type=_minutes, default=10.0, help="how long the soak lasts (default: 10)")
    add("--markdown", action="store_true", help="print Markdown tables")
    add(
        "--results",
        metavar="FOLDER",
        type=Path,
        help="write the figures and charts here (a whole run: benchmarks/results)",
    )
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


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes up to a day's")
    return minutes


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
