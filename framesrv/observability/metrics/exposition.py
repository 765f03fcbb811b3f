"""Metrics as text, in both formats that Prometheus reads.

The library's own writers look at every character of every name and label, each time: of a scrape
of ours that is most of the work. Names are ours here, and known to be plain; numbers are written
as Python does, which both formats read. A test compares what is read of our text and of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

_OPENMETRICS: Final = "application/openmetrics-text"


def choose_encoder(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The writer for who accepts this, and the type of what it writes."""
    accepted = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
    if _OPENMETRICS in accepted:
        return openmetrics_text, CONTENT_TYPE_LATEST
    return plain_text, CONTENT_TYPE_PLAIN_0_0_4


def plain_text(metrics: Collector) -> bytes:
    lines: list[str] = []
    for family in metrics.collect():
        name = family.name + "_total" if family.type == "counter" else family.name
        lines += (
            f"# HELP {name} {_help(family.documentation, quotes=False)}\n",
            f"# TYPE {name} {family.type}\n",
        )
        lines += [f"{one.name}{_labels(one.labels)} {one.value}\n" for one in family.samples]
    return "".join(lines).encode()


def openmetrics_text(metrics: Collector) -> bytes:
    lines: list[str] = []
    for family in metrics.collect():
        name = family.name
        lines += (
            f"# HELP {name} {_help(family.documentation, quotes=True)}\n",
            f"# TYPE {name} {family.type}\n",
        )
        lines += [
            f"{one.name}{_labels(one.labels)} {one.value}{_exemplar(one.exemplar)}\n"
            for one in family.samples
        ]
    lines.append("# EOF\n")
    return "".join(lines).encode()


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(text)}"' for name, text in labels.items()]) + "}"


def _escaped(text: str) -> str:
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return text


def _help(text: str, *, quotes: bool) -> str:
    """The formats do not agree on whether a quote is escaped here."""
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quotes else text


def _exemplar(exemplar: Any) -> str:
    if exemplar is None:
        return ""
    return f" # {_labels(exemplar.labels)} {exemplar.value!r} {exemplar.timestamp!r}"
