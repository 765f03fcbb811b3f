"""The files that operators take, as they are read by the programs that they are for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
RUNBOOKS: Final = "docs/operations.md"


def loaded(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    return [rule for group in loaded("prometheus/rules.yml")["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def recorded() -> dict[str, str]:
    """The expressions of the recording rules, by name."""
    return {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}


def rule_tests() -> list[dict[str, Any]]:
    return list(loaded("prometheus/rules.test.yml")["tests"])


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana" / "framesrv.json").read_text("utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def runbook_queries() -> list[str]:
    page = (ROOT / RUNBOOKS).read_text(encoding="utf-8")
    blocks = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]
