"""Which metrics, labels and values a query names; and which of them a server has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import generate_latest

from framesrv.observability.metrics.scrape import registry
from framesrv.pool import PoolSettings
from tests.deploy.files import loaded, recorded
from tests.observability.helpers import samples, watched

Labels = dict[str, set[str]]  # the values by label

_GROUPING: Final = re.compile(
    r"\b(by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)"
)  # fmt: skip
# A name, whole, that is not a function's.
_SELECTOR: Final = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*+)\s*+(?:\{([^}]*)\})?+(?!\s*\()")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_WORDS: Final = frozenset({"and", "or", "unless", "offset", "bool"})


@dataclass(frozen=True, slots=True)
class Selector:
    metric: str
    matchers: tuple[tuple[str, str], ...]  # label, value

    def values(self) -> Iterator[tuple[str, str]]:
        """Every value of a label that is named; not what a dashboard's variable stands for."""
        for label, text in self.matchers:
            if not text.startswith("$"):
                yield from ((label, value) for value in text.split("|") if value)


def selectors(query: str) -> list[Selector]:
    """
    >>> found = selectors('sum by (a) (rate(x_total{b="c|d"}[5m])) / on () y offset 5m')
    >>> [each.metric for each in found], list(found[0].values())
    (['x_total', 'y'], [('b', 'c'), ('b', 'd')])
    """
    plain = re.sub(r"\[[^\]]*\]|\boffset\s+\w+", " ", _GROUPING.sub(" ", query))
    return [
        Selector(name, tuple((label, text) for label, _, text in _MATCHER.findall(matchers)))
        for name, matchers in _SELECTOR.findall(plain)
        if name not in _WORDS
    ]


def grouped_by(query: str) -> set[str]:
    """Every label by which something is put together or taken apart."""
    inside = [names.split(",") for _, names in _GROUPING.findall(query)]
    return {name.strip() for names in inside for name in names} - {""}


def known() -> dict[str, Labels]:
    """All there is: a server's metrics, what the rules record, what Prometheus adds."""
    own: dict[str, Labels] = {}
    with PoolSettings.from_env({}).build() as manager:
        text = generate_latest(registry(watched(manager))).decode()
    for name, labels in samples(text):
        values = own.setdefault(name, {})
        for label, value in labels:
            values.setdefault(label, set()).add(value)
    jobs = {job["job_name"] for job in loaded("prometheus/prometheus.yml")["scrape_configs"]}
    own["up"] = {}
    for labels_of in own.values():
        labels_of |= {"job": jobs, "instance": set()}
    every = own | {name: _recorded_labels(name, expr, own) for name, expr in recorded().items()}
    every["ALERTS"] = {"alertname": set(), "alertstate": {"firing"}, "instance": set()}
    return every


def _recorded_labels(name: str, expr: str, own: Mapping[str, Labels]) -> Labels:
    """Those that its name begins with, as is the custom: instance_pool:metric:how."""
    level = name.partition(":")[0]
    labels: Labels = {} if level == "framesrv" else {label: set() for label in level.split("_")}
    for selector in selectors(expr):
        for label, values in own.get(selector.metric, {}).items():
            if label in labels:
                labels[label] |= values
    return labels


def faults(query: str, there: Mapping[str, Labels]) -> list[str]:
    """What the query names and is not there."""
    found = []
    labels: set[str] = set()
    for selector in selectors(query):
        if selector.metric not in there:
            found.append(f"there is no metric {selector.metric}")
            continue
        has = there[selector.metric]
        labels |= set(has)
        for label, _ in selector.matchers:
            if label not in has:
                found.append(f"{selector.metric} has no label {label}")
        for label, value in selector.values():
            is_open = label in ("instance", "alertname")
            if label in has and not is_open and value not in has[label]:
                found.append(f"{label} of {selector.metric} is never {value}")
    found += [f"no metric here has the label {name}" for name in grouped_by(query) - labels]
    return found
