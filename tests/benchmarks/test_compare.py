"""Two runs side by side: what was lost, what was won, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare


def report(values: dict[str, tuple[float, bool | None]], **others: Any) -> dict[str, Any]:
    machine = {"cpu": "one", "cores": 2, "cores_usable": 2, "python": "CPython", "numpy": "2"}
    figures = [
        {
            "key": key,
            "value": value,
            "unit": "x",
            "met": met,
            "target": None if met is None else "<= 1",
        }
        for key, (value, met) in values.items()
    ]
    return {
        "suite": "speed",
        "commit": "0123456789ab",
        "quick": False,
        "machine": machine | {"load": 0.1},
        "figures": figures,
    } | others


def rows(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {row[0]: tuple(row[1:]) for row in compare.table(old, new).rows}


def test_each_figure_has_its_ratio_and_what_became_of_its_target() -> None:
    old = report({"a": (1.0, True), "b": (2.0, False), "c": (3.0, False), "d": (4.0, None)})
    new = report({"a": (2.0, False), "b": (0.5, True), "c": (3.3, False), "e": (5.0, True)})
    assert rows(old, new) == {
        "a": ("1.00 x", "2.00 x", "2.00", "<= 1", "LOST"),
        "b": ("2.00 x", "0.50 x", "0.25", "<= 1", "won"),
        "c": ("3.00 x", "3.30 x", "1.10", "<= 1", "still missed"),
        "d": ("4.00 x", "-", "", "", ""),
        "e": ("-", "5.00 x", "", "<= 1", ""),
    }


def test_other_machines_and_quick_runs_are_pointed_out() -> None:
    here = report({"a": (1.0, True)})
    assert "not the same" not in compare.shown(here, here)
    there = report({"a": (1.0, True)}, machine=here["machine"] | {"cpu": "two"}, quick=True)
    told = compare.shown(here, there)
    assert "not the same processor" in told
    assert "quick run" in told


def test_files_are_named_or_those_of_the_last_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(report({"a": (1.0, True)})), encoding="utf-8")
    new.write_text(json.dumps(report({"a": (3.0, False)})), encoding="utf-8")
    assert compare.main([str(old), str(new)]) == 0
    assert "LOST" in capsys.readouterr().out
    assert compare.main([]) == 0  # whatever is there, it is shown or said to be the same
    assert capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", '{"suite": 1}'])
def test_what_is_no_result_is_said_to_be_none(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "old.json"
    file.write_text(text, encoding="utf-8")
    assert compare.main([str(file), str(file)]) == 2
    assert compare.main([str(tmp_path / "missing.json")]) == 2
    told = capsys.readouterr().err
    assert "old.json is no" in told
    assert "missing.json" in told
