"""Makes the Grafana dashboard of its list of panels: ``python -m tools.grafana [--check]``.

``tools.grafana_panels`` says what is shown; what Grafana wants to be told of each panel, and where
it stands, is here. So another panel is one more entry there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any, Final

from tools.grafana_panels import ROWS
from tools.grafana_parts import Panel

FILE: Final = Path(__file__).parents[1] / "deploy" / "grafana" / "framesrv.json"
_COLUMNS: Final = 24
_HEIGHTS: Final = {"timeseries": 8, "stat": 4}
_WITH_TRACES: Final = "framesrv_frame_stage_seconds_bucket"
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]


def dashboard() -> Json:
    return {
        "uid": "framesrv",
        "title": "framesrv",
        "description": "Frames, pools and memory of framesrv servers.",
        "tags": ["framesrv"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one cursor in all panels
        "refresh": "10s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": _choices()},
        "annotations": {"list": [_alerts()]},
        "panels": list(_placed()),
    }


def _choices() -> list[Json]:
    return [
        {
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "current": {},
        },
        _choice("instance", "Server", "label_values(framesrv_build_info, instance)"),
        _choice(
            "pool", "Pool", 'label_values(framesrv_pool_capacity{instance=~"$instance"}, pool)'
        ),
    ]


def _choice(name: str, label: str, query: str) -> Json:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,  # whenever the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def _alerts() -> Json:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertname=~"Framesrv.*", alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}} {{pool}} {{reason}}",
    }


def _placed() -> list[Json]:
    """Every row, and its panels from left to right."""
    placed: list[Json] = []
    y = 0
    for row in ROWS:
        place = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
        placed.append({
            "id": len(placed) + 1, "type": "row", "title": row.title, "collapsed": False,
            "gridPos": place, "panels": [],
        })  # fmt: skip
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y = 0, y + height
            height = _HEIGHTS[panel.kind]
            place = {"x": x, "y": y, "w": panel.width, "h": height}
            placed.append({"id": len(placed) + 1, "gridPos": place, **_panel(panel)})
            x += panel.width
        y += height
    return placed


def _panel(panel: Panel) -> Json:
    is_stat = panel.kind == "stat"
    defaults: Json = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "thresholds" if is_stat else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": _thresholds(panel)},
    }
    if panel.most is not None:
        defaults["max"] = panel.most
    if not is_stat:
        defaults["custom"] = _drawn(panel)
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.text,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _stat_options() if is_stat else _series_options(),
        "targets": [
            {
                "refId": letter,
                "datasource": _SOURCE,
                "editorMode": "code",
                "expr": query.expr,
                "legendFormat": query.legend,
                "range": True,
                "exemplar": _WITH_TRACES in query.expr and not is_stat,
            }
            for letter, query in zip(ascii_uppercase, panel.queries, strict=False)
        ],
    }


def _thresholds(panel: Panel) -> list[Json]:
    """Grafana wants them upwards, and the first without a number."""
    if panel.limits is None:
        steps: list[tuple[str, float | None]] = [("green", None)]
    else:
        amber, red = panel.limits
        if amber < red:
            steps = [("green", None), ("orange", amber), ("red", red)]
        else:
            steps = [("red", None), ("orange", red), ("green", amber)]
    return [{"color": color, "value": value} for color, value in steps]


def _drawn(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 5,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "off" if panel.limits is None else "dashed"},
    }


def _stat_options() -> Json:
    return {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "area",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "value",
    }


def _series_options() -> Json:
    return {
        "legend": {
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
            "calcs": [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def main(arguments: Sequence[str]) -> int:
    text = json.dumps(dashboard(), indent=2) + "\n"
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in arguments:
        print(f"{FILE.name} is not as tools.grafana makes it; run python -m tools.grafana",
              file=sys.stderr)  # fmt: skip
        return 1
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
