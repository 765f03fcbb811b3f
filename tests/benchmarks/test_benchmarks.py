"""The benchmarks run, say all that they promise, and judge honestly. No figure is judged here."""

from __future__ import annotations

import doctest
import importlib
import json
import math
import os
import pkgutil
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import benchmarks.scenarios
from benchmarks.cli import INTERRUPTED, main
from benchmarks.crew import in_threads, run_together
from benchmarks.designs import DESIGNS, Design
from benchmarks.harness import Bench
from benchmarks.progress import Progress
from benchmarks.suites import SUITES
from benchmarks.targets import TARGETS

ROOT = Path(__file__).parents[2]
# Without what would have coverage measured, which makes servers several times as slow.
PLAIN = {
    name: value
    for name, value in os.environ.items()
    if name != "STRICT" and not name.startswith("COVERAGE_")
}
KEYS = {
    "roundtrip": "queue sample off with kept poison bytesio bytearray record",
    "fresh": "pages recycled pages_faults recycled_faults",
    "threads": "sample_2 sample_4 sample_8 off_2 off_4 off_8 queue_8 locked_8",
    "contended": " ".join(
        f"{who}{what}"
        for who in ("sample", "off", "locked", "queue")
        for what in ("", "_fairness", "_total")
    ),
    "steady": " ".join(
        f"{pool}_{what}"
        for pool in ("sample", "off", "bytesio", "bytearray", "record")
        for what in ("growth", "peak")
    ),
    "levels": "off sample poison" + (" fence" if sys.platform == "linux" else ""),
    "token": "secrets urandom pooled in_place",
    "sizes": " ".join(
        f"{ladder}_{what}"
        for ladder in ("powers", *(f"per_doubling_{n}" for n in (1, 2, 4, 8)))
        for what in ("mean", "worst", "classes", "used")
    ),
    "designs": " ".join(
        f"{what}_{design.key}{threads}"
        for design in DESIGNS
        for what, counts in {
            "idle": ("_1", "_2", "_4", "_8"),
            "write": ("_1", "_2", "_4", "_8"),
            "batch": ("_1", "_2"),
            "p99": ("_1", "_8"),
            **dict.fromkeys(("blocks", "kib", "faults", "batch_faults"), ("",)),
        }.items()
        for threads in counts
    ),
    "codecs": " ".join(
        f"{task}_{who}"
        for task, others in {
            "jpeg": "simplejpeg cv2 imagecodecs pillow",
            "half": "cv2 pillow",
            "png": "cv2 spng pillow",
            "webp": "cv2 pillow",
            "to_jpeg": "simplejpeg cv2 pillow",
            "to_png": "cv2 pillow",
            "to_webp": "cv2 pillow",
        }.items()
        for who in ("framesrv", *others.split())
    )
    + " crc",
    "wire": "read_batch read_batch_protobuf read_one read_one_protobuf write write_protobuf size "
    "copy blocks_ours blocks_protobuf",
    "serving": "batch unary stream plain raw streams_100 peer_unary peer_batch",
    "latency": "stream_p50 stream_p99 batch_p99 workers",
    "standing": "start doctor memory",
    "handlers": " ".join(
        f"{kind}_{what}"
        for kind in ("sync", "aio")
        for what in ("cancel_bytes", "idle_bytes", "fan_out_us")
    ),
    "metrics": "scraped counted",
    "dashboards": "each p50 p99",
    "fanout": " ".join(
        f"{design}_{crowd}"
        for design in ("queues", "places")
        for crowd in ("10_0", "10_1000", "100_0")
    ),
    "subscribers": "each bare ratio",
    "stalled": "p50 p99 cpu missed lost memory",
    "merge": "p50 p99 lost partial disorder cpu",
    "allocations": "large_per_frame fewer fewer_lent misses alive growth by_grpc",
    "collector": " ".join(
        f"{what}{way}"
        for what in ("p99", "longest")
        for way in ("", "_plain", "_frozen", "_seldom", "_off")
    ),
    "footprint": "request server idle_pools",
    "malloc": "ours_growth "
    + " ".join(
        f"{setting}_{what}"
        for setting in ("glibc", "mapped_1", "mapped_4", "keep_16", "heaps_4", "padded", "huge")
        for what in ("growth", "jpeg", "raw")
    ),
    "soak": " ".join(
        f"{level}_{what}"
        for level in ("off", "sample", "poison")
        for what in ("slope", "descriptors", "threads", "lost", "leased")
    ),
    "rising": "p99_48 sustained hit_rate lost",
    "closed": "hit_rate lost",
    "streams": "hit_rate lost",
    "crowd": "lost unheard_of answered",
    "overload": "goodput p99 lost",
}
# The peers need libraries of their own: .ci/run makes bench-peers in its short form.
SUITE_NAMES = ("speed", "memory", "load", "soak")


class QuickRun:
    """One quick run of a suite, as a user starts it: what it printed, and what it wrote."""

    def __init__(self, suite: str, folder: Path) -> None:
        self.scenarios = SUITES[suite].scenarios()
        self.names = [scenario.name for scenario in self.scenarios]
        self.folder = folder
        self.done = subprocess.run(
            [sys.executable, "-m", "benchmarks", suite, "--quick", "--results", str(folder)],
            cwd=ROOT,
            env=PLAIN,
            capture_output=True,
            text=True,
            check=False,
        )
        assert self.done.returncode == 0, self.done.stderr
        self.report = json.loads((folder / f"{suite}.json").read_text(encoding="utf-8"))

    def figures(self, scenario: str) -> list[dict[str, Any]]:
        return [f for f in self.report["figures"] if f["key"].partition(".")[0] == scenario]


@pytest.fixture(scope="module", params=SUITE_NAMES)
def quick(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> QuickRun:
    return QuickRun(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def bench() -> Bench:
    return Bench(Progress(), quick=True)


def test_each_scenario_has_all_its_figures(quick: QuickRun) -> None:
    lines = quick.done.stderr.splitlines()
    progress = [line for line in lines if re.fullmatch(r"\[\d+/\d+\] \S+", line)]
    assert [line.split()[-1] for line in progress] == quick.names
    # Where memray runs, it has words of its own of the libraries it looks at; nobody else has any.
    assert "allocations" in quick.names or lines == progress
    for name in quick.names:
        figures = quick.figures(name)
        keys = sorted(figure["key"] for figure in figures)
        assert keys == sorted(f"{name}.{key}" for key in KEYS[name].split())
        for figure in figures:
            assert math.isfinite(figure["value"]), figure
            if figure["middle_half"]:
                assert figure["middle_half"][0] <= figure["value"] <= figure["middle_half"][1]


def test_every_target_is_beside_its_figure(quick: QuickRun) -> None:
    report = quick.report
    judged = {f["key"]: f["met"] for f in report["figures"] if f["target"] is not None}
    promised = {key for key in TARGETS if key.partition(".")[0] in quick.names}
    assert judged.keys() == promised == report["targets"].keys()
    assert report["missed"] == [key for key, met in judged.items() if not met]
    verdicts = [word for line in quick.done.stdout.splitlines() for word in line.split()]
    assert verdicts.count("ok") + verdicts.count("MISSED") == len(promised)
    assert verdicts.count("MISSED") == len(report["missed"])


def test_every_target_belongs_to_a_scenario() -> None:
    modules = {name for suite in SUITES.values() for name in suite.modules}
    assert {key.partition(".")[0] for key in TARGETS} <= modules


def test_the_report_says_where_it_was_taken(quick: QuickRun) -> None:
    report = quick.report
    assert report["quick"] is True
    assert report["command"].startswith("make ")
    assert "quick form" in quick.done.stdout
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["numpy"] == np.__version__
    assert report["machine"]["python"].endswith(sys.version.split()[0])
    assert report["machine"]["platform"]
    assert report["commit"] is None or len(report["commit"].rstrip("+")) == 12


def test_charts_are_drawn_both_ways(quick: QuickRun) -> None:
    for chart in quick.report["charts"]:
        svg = (quick.folder / f"{chart['name']}.svg").read_text(encoding="utf-8")
        assert chart["title"] in svg, "text stays text"
        png = cv2.imread(str(quick.folder / f"{chart['name']}.png"))
        assert png is not None
        assert png.shape[1] == 960
    assert not list(quick.folder.glob("*.part"))


def test_only_strict_fails_for_a_missed_target(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STRICT", raising=False)
    steady = ["--quick", "--only", "steady"]
    impossible = [*steady, "--target", "steady.off_peak=-1"]
    assert main(impossible) == 0
    assert main([*impossible, "--strict"]) == 1
    printed = capsys.readouterr().out
    assert "MISSED" in printed
    assert "not our limit: steady.off_peak <= -1" in printed
    monkeypatch.setenv("STRICT", "1")
    assert main(impossible) == 1
    generous = [word for key in TARGETS for word in ("--target", f"{key}=1e9")]
    assert main([*steady, *generous]) == 0
    assert "MISSED" not in capsys.readouterr().out.rpartition("A steady state")[2]
    monkeypatch.setenv("STRICT", "0")
    assert main(impossible) == 0


def test_markdown_tables_are_well_formed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick", "--only", "sizes", "--markdown"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 5
    assert len({row.count("|") for row in rows}) == 1
    assert set(rows[1]) == set("| -")


def test_the_list_and_the_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    for suite in SUITES.values():
        names = [scenario.name for scenario in suite.scenarios()]
        at = listed.index(f"{suite.name}:")
        assert listed[at + 1 : at + 1 + len(names)] == names
    for wrong in (
        ["nothing"],
        ["--only", "rising"],  # of another suite
        ["--target", "no.such=1"],
        ["--target", "fresh.pages=x"],
        ["soak", "--minutes", "0"],
        ["soak", "--minutes", "x"],
    ):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)
    told = capsys.readouterr().err
    assert "speed has no rising; it has roundtrip," in told
    assert "there are roundtrip.sample" in told
    assert "'x' is not a number of minutes" in told


def test_every_scenario_is_in_one_suite() -> None:
    files = {info.name for info in pkgutil.iter_modules(benchmarks.scenarios.__path__)}
    named = [name for suite in SUITES.values() for name in suite.modules]
    assert sorted(named) == sorted(files)


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are not sent like this there")
def test_an_interrupt_ends_it_in_one_line(tmp_path: Path) -> None:
    """The handler is set by hand: a shell's background jobs are started with SIGINT ignored."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from benchmarks.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "--only", "contended", "--results", str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "[1/1] contended\n"
        process.send_signal(2)
        out, err = process.communicate()
    assert process.returncode == INTERRUPTED
    assert out.count("\n") == 2  # the machine, and no table
    assert err == "benchmarks: interrupted, nothing was written\n"
    assert list(tmp_path.iterdir()) == []


def test_ratios_are_those_of_the_times_a_cycle(bench: Bench) -> None:
    measured = bench.compare(
        {"base": lambda cycles: cycles * 1e-4, "slower": lambda cycles: cycles * 3e-4},
        baseline="base",
    )
    assert measured["base"].ratio.median == 1
    assert measured["slower"].ratio.median == pytest.approx(3)
    assert measured["slower"].seconds.median == pytest.approx(3e-4)


def test_threads_share_the_cycles_evenly() -> None:
    done: list[tuple[int, int]] = []
    took_s = in_threads(4, lambda cycles: done.append((threading.get_ident(), cycles)))(102)
    assert [cycles for _, cycles in done] == [25] * 4
    assert took_s >= 0


def test_a_fault_in_one_thread_is_raised_and_leaves_none_behind() -> None:
    before = threading.active_count()

    def fail() -> None:
        raise LookupError("as planned")

    with pytest.raises(LookupError, match="as planned"):
        run_together([fail, list, list])
    assert threading.active_count() == before


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.key)
@pytest.mark.parametrize("written", [False, True])
def test_designs_lend_what_was_asked(design: Design, written: bool) -> None:
    lender = design.build((4, 5, 3), 2, written)
    for _ in range(3):
        one, other = lender.acquire(), lender.acquire()
        for lent in (one, other):
            assert lender.pixels(lent).shape == (4, 5, 3)
            assert lender.pixels(lent).dtype == np.uint8
        assert not np.shares_memory(lender.pixels(one), lender.pixels(other))
        lender.release(one)
        lender.release(other)
        del one, other, lent


@pytest.mark.parametrize("name", ["model", "harness", "report"])
def test_examples_in_the_code(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"benchmarks.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
