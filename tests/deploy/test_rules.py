"""The alerts: each has a runbook, and is shown firing and not firing."""

from __future__ import annotations

import pytest

from tests.deploy.files import ROOT, RUNBOOKS, alerts, loaded, rule_tests
from tools.markdown import HEADING, anchors, parse

PAGE = parse(RUNBOOKS, (ROOT / RUNBOOKS).read_text(encoding="utf-8"))
# What operators must hear of, and the alert that tells them.
TROUBLES = {
    "low hit rate": "FramesrvLowHitRate",
    "leaks": "FramesrvPoolLeak",
    "misuse": "FramesrvPoolMisuse",
    "exhaustion": "FramesrvPoolExhausted",
    "overload": "FramesrvOverloaded",
    "drops": "FramesrvFramesDropped",
    "failures": "FramesrvFramesFailing",
    "memory near budget": "FramesrvMemoryNearBudget",
    "GC pauses": "FramesrvGcPauses",
    "worker saturation": "FramesrvWorkersSaturated",
    "no ready server": "FramesrvNoServer",
}


def test_there_is_an_alert_for_each_trouble() -> None:
    assert set(TROUBLES.values()) <= set(alerts())


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_says_how_bad_what_and_where_to_read_on(name: str) -> None:
    alert = alerts()[name]
    assert alert["labels"]["severity"] in ("critical", "warning")
    told = alert["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    page, _, anchor = told["runbook_url"].partition("#")
    assert page == RUNBOOKS
    assert anchor == name.lower()
    assert anchor in anchors(PAGE)


def test_a_runbook_is_of_an_alert() -> None:
    headings = [match["title"] for line in PAGE.prose if (match := HEADING.match(line.text))]
    assert [title for title in headings if title.startswith("Framesrv")] == list(alerts())


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_is_shown_firing_and_not_firing(name: str) -> None:
    expected = [
        len(each["exp_alerts"])
        for test in rule_tests()
        for each in test["alert_rule_test"]
        if each["alertname"] == name
    ]
    assert 0 in expected
    assert max(expected) > 0


def test_the_rules_are_those_that_are_loaded_and_tested() -> None:
    assert loaded("prometheus/prometheus.yml")["rule_files"] == ["rules.yml"]
    assert loaded("prometheus/rules.test.yml")["rule_files"] == ["rules.yml"]
