"""docs/metrics.md and /metrics agree: the same names, with the same types and labels."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from framesrv.app import AppSettings
from framesrv.engine.meter import STAGES
from framesrv.frames import record_pools
from framesrv.observability.metrics.scrape import registry
from framesrv.pool import PoolManager
from framesrv.pool.base import MISUSE_KINDS
from framesrv.pool.manager import RESERVED_NAMES
from tests.observability.helpers import watched

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
ROW = re.compile(r"^\| `(framesrv_\w+)` \| (\w+) \| ([^|]*) \| (.+) \|$", re.MULTILINE)
Metrics = dict[str, tuple[str, frozenset[str]]]


def documented() -> Metrics:
    return {
        name: (kind, frozenset(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in ROW.findall(PAGE)
    }


def shown() -> Metrics:
    found: Metrics = {}
    text = generate_latest(registry(watched(PoolManager(1 << 24)))).decode()
    for family in text_string_to_metric_families(text):
        labels = {label for one in family.samples for label in one.labels} - {"le"}
        total = "_total" if family.type == "counter" else ""
        found[family.name + total] = (family.type, frozenset(labels))
    return found


def test_they_have_the_same_names_types_and_labels() -> None:
    assert documented() == shown()


def test_every_value_of_a_label_is_explained() -> None:
    values = {
        label: set(re.findall(r"`([a-z_]+)`", says))
        for name, _, labels, says in ROW.findall(PAGE)
        for label in [f"{name} {one}" for one in re.findall(r"`(\w+)`", labels)]
    }
    assert values["framesrv_pool_misuse_total kind"] >= set(MISUSE_KINDS)
    assert values["framesrv_pool_leaks_total kind"] >= {"dropped", "held"}
    assert values["framesrv_pool_buffers state"] >= {"idle", "leased", "quarantined"}
    assert values["framesrv_frame_stage_seconds stage"] >= set(STAGES)
    assert values["framesrv_frames_total result"] >= {"ok", "failed", "dropped"}
    assert values["framesrv_streams state"] >= {"open", "draining"}
    for where in ("wire", "codec", "clone"):
        assert f"\n| `{where}` | " in PAGE


def test_every_pool_that_its_own_page_does_not_list_is_named() -> None:
    settings = AppSettings()
    named = {*record_pools(settings.engine.workers), "answer", *RESERVED_NAMES}
    assert [name for name in sorted(named) if f"`{name}`" not in PAGE] == []
