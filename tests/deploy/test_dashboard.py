"""The Grafana dashboard is made of its list, and made so that Grafana can show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.files import dashboard, loaded, panels
from tools import grafana
from tools.grafana_panels import ROWS

KNOWN_UNITS = {"s", "short", "bytes", "percentunit"}


def test_the_file_is_made_of_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grafana.main(["--check"]) == 0
    monkeypatch.setattr(grafana, "FILE", tmp_path / "framesrv.json")
    assert grafana.main(["--check"]) == 1
    assert "python -m tools.grafana" in capsys.readouterr().err
    assert grafana.main([]) == 0
    assert grafana.main(["--check"]) == 0
    grafana.FILE.write_text(grafana.FILE.read_text().replace("Hit rate", "Hits"))
    assert grafana.main(["--check"]) == 1


def test_every_entry_of_the_list_is_a_panel() -> None:
    assert [panel["title"] for panel in panels()] == [p.title for row in ROWS for p in row.panels]


def test_no_two_panels_are_one_or_in_one_place() -> None:
    every = dashboard()["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        squares = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not squares & taken, panel["title"]
        taken |= squares


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_can_be_read(panel: dict[str, object]) -> None:
    assert panel["description"]
    defaults = panel["fieldConfig"]["defaults"]  # type: ignore[index]
    assert defaults["unit"] in KNOWN_UNITS or defaults["unit"].startswith("suffix: ")
    steps = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert steps[0] is None
    assert steps[1:] == sorted(steps[1:])
    letters = [target["refId"] for target in panel["targets"]]  # type: ignore[attr-defined]
    assert letters == sorted(set(letters))


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_follows_the_choices_at_the_top(panel: dict[str, object]) -> None:
    for target in panel["targets"]:  # type: ignore[attr-defined]
        assert target["datasource"]["uid"] == "${datasource}"
        query = target["expr"].replace("framesrv_pool_budget_bytes", "framesrv_budget_bytes")
        assert query.count("framesrv_") == query.count('instance=~"$instance"')
        assert query.count("framesrv_pool") >= query.count('pool=~"$pool"')


def test_the_choices_are_those_that_queries_use() -> None:
    choices = {each["name"] for each in dashboard()["templating"]["list"]}
    assert choices == {"datasource", "instance", "pool"}


def test_rates_span_the_scrapes() -> None:
    source = loaded("grafana/provisioning/datasources/prometheus.yaml")["datasources"][0]
    config = loaded("prometheus/prometheus.yml")
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]
