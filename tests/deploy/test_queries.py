"""Every query of the rules, the dashboard and the runbooks asks for what a server has."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from tests.deploy.files import (
    alerts,
    dashboard,
    panels,
    recorded,
    rule_tests,
    rules,
    runbook_queries,
)
from tests.deploy.promql import Labels, faults, grouped_by, known, selectors

RULES = {rule.get("alert") or rule["record"]: rule["expr"] for rule in rules()}
PANELS = {
    f"{panel['title']}, {target['refId']}, {panel['type']}": target
    for panel in panels()
    for target in panel["targets"]
}


@pytest.fixture(scope="module")
def there() -> Mapping[str, Labels]:
    return known()


@pytest.mark.parametrize("name", list(RULES))
def test_of_a_rule(name: str, there: Mapping[str, Labels]) -> None:
    assert faults(RULES[name], there) == []


@pytest.mark.parametrize("name", list(PANELS))
def test_of_a_panel(name: str, there: Mapping[str, Labels]) -> None:
    assert faults(PANELS[name]["expr"], there) == []


def test_of_the_dashboard_s_choices_and_marks(there: Mapping[str, Labels]) -> None:
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
            assert asked is not None
            assert faults(asked[1], there) == []
            assert asked[2] in there[selectors(asked[1])[0].metric]
    for mark in dashboard()["annotations"]["list"]:
        assert faults(mark["expr"], there) == []


@pytest.mark.parametrize("query", runbook_queries())
def test_of_a_runbook(query: str, there: Mapping[str, Labels]) -> None:
    assert faults(query, there) == []


def test_of_the_series_that_the_rules_are_tested_with(there: Mapping[str, Labels]) -> None:
    series = [each["series"] for test in rule_tests() for each in test.get("input_series", ())]
    assert [fault for each in series for fault in faults(each, there)] == []
    asked = [each["expr"] for test in rule_tests() for each in test.get("promql_expr_test", ())]
    assert [fault for each in asked for fault in faults(each, there)] == []


@pytest.mark.parametrize("name", list(recorded()))
def test_a_recorded_name_begins_with_the_labels_it_has(name: str) -> None:
    level = name.partition(":")[0]
    expected = set() if level == "framesrv" else set(level.split("_"))
    assert grouped_by(RULES[name]) in (expected, set())


@pytest.mark.parametrize("name", list(alerts()))
def test_an_alert_s_text_names_labels_that_its_query_has(
    name: str, there: Mapping[str, Labels]
) -> None:
    alert = alerts()[name]
    named = set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"])))
    kept = grouped_by(alert["expr"]) or {
        label for each in selectors(alert["expr"]) for label in there[each.metric]
    }
    if "group_left" in alert["expr"]:  # the left side's labels stay
        kept |= set(there[selectors(alert["expr"])[0].metric])
    assert named <= kept


@pytest.mark.parametrize("name", list(PANELS))
def test_a_legend_names_labels_that_its_query_has(name: str, there: Mapping[str, Labels]) -> None:
    query = PANELS[name]["expr"]
    named = set(re.findall(r"\{\{(\w+)\}\}", PANELS[name]["legendFormat"]))
    kept = grouped_by(query) or set(there[selectors(query)[0].metric])
    assert named <= kept


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("rate(framesrv_frame_total[5m])", "there is no metric framesrv_frame_total"),
        ('framesrv_frames_total{kind="ok"}', "framesrv_frames_total has no label kind"),
        ('framesrv_frames_total{result="fine"}', "result of framesrv_frames_total is never fine"),
        ('up{job="frames"}', "job of up is never frames"),
        ("sum by (pol) (framesrv_pool_waiters)", "no metric here has the label pol"),
        ("sum(frames_total)", "there is no metric frames_total"),
    ],
)
def test_what_is_not_there_is_found(query: str, fault: str, there: Mapping[str, Labels]) -> None:
    assert faults(query, there) == [fault]
