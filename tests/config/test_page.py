"""docs/configuration.md has every setting with its default, its range and its names."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from framesrv.config.rooms import all_settings
from framesrv.config.values import written
from framesrv.errors import BadConfig
from tests.config.helpers import loaded

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def row_of(name: str) -> str:
    setting = all_settings()[name]
    default = "none" if setting.default in (None, ()) else f"`{written(setting.default)}`"
    if name == "engine.workers":
        default = "one a usable core"
    allowed = ""
    if setting.least is not None:
        allowed = f"at least {setting.least:,}"
        if setting.most is not None:
            allowed = f"{setting.least:,} to {setting.most:,}"
    names = f"`{setting.variable}`" + (f"<br>`{setting.flag}`" if setting.flag else "")
    return f"| `{setting.field}` | {default} | {allowed} | {names} | {setting.help} |"


@pytest.mark.parametrize("name", list(all_settings()))
def test_every_setting_has_its_row(name: str) -> None:
    room = all_settings()[name].room
    heading = f"### [{room}]\n" if room else "### Above all tables\n"
    section = PAGE.partition(heading)[2].partition("\n### ")[0]
    assert row_of(name) in section


def test_the_example_is_a_file_that_can_be_read(tmp_path: Path) -> None:
    example = PAGE.partition("```toml\n")[2].partition("```")[0]
    assert tomllib.loads(example)["pipelines"]["thumbnail"]
    with pytest.raises(BadConfig) as caught:
        loaded(example, folder=tmp_path)
    first, *faults = str(caught.value).split("\n- ")
    # What this machine lacks, and nothing else.
    assert all("acme" in fault or "/etc/framesrv" in fault or "gamma" in fault for fault in faults)
    assert len(faults) == 4, faults
    assert first
