"""The numbers in the documents are those of the kept results, and cannot be others."""

from __future__ import annotations

from typing import Any

import pytest

from tools.figures import FigureFault, filled, main


def report() -> dict[str, Any]:
    def figure(key: str, value: float, target: str | None, met: bool | None) -> dict[str, Any]:
        return {
            "key": key, "what": f"what {key} is", "value": value, "unit": "x",
            "target": target, "met": met,
        }  # fmt: skip

    return {
        "suite": "load",
        "command": "make bench-load",
        "quick": False,
        "machine": {
            "cpu": "A CPU", "cores": 2, "cores_usable": 2, "python": "CPython", "numpy": "2",
            "load": 0.1,
        },
        "figures": [
            figure("one.a", 1.0, "<= 1", True),
            figure("one.b", 2.0, ">= 3", False),
            figure("two.a", 3.0, None, None),
        ],
        "tables": [{"title": "By rate", "columns": ["rate", "p99"], "rows": [["48", "5|6"]]}],
    }  # fmt: skip


def fill(mark: str, inside: str = "old\n") -> list[str]:
    text = f"before\n<!-- {mark} -->\n{inside}<!-- end -->\nafter <!-- not: this -->"
    return filled(text, {"load": report()}).splitlines()


def test_figures_with_a_target_are_shown_beside_it() -> None:
    assert fill("figures: load") == [
        "before",
        "<!-- figures: load -->",
        "| what | target | measured |",
        "| --- | --- | --- |",
        "| one: what one.a is | <= 1 | 1.00 x |",
        "| one: what one.b is | >= 3 | **2.00 x**, short |",
        "<!-- end -->",
        "after <!-- not: this -->",
    ]


def test_figures_are_chosen_by_key_or_scenario() -> None:
    lines = fill("figures: load one.b two")
    assert [line.split()[3] for line in lines if " is " in line] == ["one.b", "two.a"]


def test_figures_of_all_suites_come_in_the_order_asked_for() -> None:
    text = "<!-- figures: all three one.b -->\n<!-- end -->"
    other = report() | {"suite": "soak", "figures": [report()["figures"][0] | {"key": "three.x"}]}
    lines = filled(text, {"load": report(), "soak": other}).splitlines()[3:-1]
    assert [line.partition(":")[0] for line in lines] == ["| three", "| one"]


def test_tables_and_the_machine() -> None:
    assert "| 48 | 5\\|6 |" in fill("table: load By rate", inside="")
    assert fill("machine: load")[2].startswith("`make bench-load`, A CPU, 2 of 2 cores, CPython")


def test_a_block_ends_where_it_ends() -> None:
    one = "<!-- figures: load -->\n<!-- end -->\n"
    both = filled(one + one, {"load": report()})
    assert both == filled(one, {"load": report()}) * 2


def test_filling_twice_changes_nothing() -> None:
    once = "\n".join(fill("figures: load"))
    assert filled(once, {"load": report()}) == once


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ("figures: speed", "no result is kept of 'speed'"),
        ("figures: load one.a none.such", "no figures for every one"),
        ("table: load Other", "it has 'By rate'"),
    ],
)
def test_what_no_result_has_is_refused(mark: str, told: str) -> None:
    with pytest.raises(FigureFault, match=told):
        fill(mark)


def test_the_documents_are_those_of_the_last_results() -> None:
    assert main(["--check"]) == 0
