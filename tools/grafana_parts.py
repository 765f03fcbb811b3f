"""What a Grafana dashboard is made of here: rows of panels, and the queries that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# In a query ``{...}`` of a pool's metric begins with ONE_POOL, of any other with SERVER: so the
# choices at the top of the dashboard hold for all of it.
SERVER: Final = 'instance=~"$instance"'
ONE_POOL: Final = SERVER + ', pool=~"$pool"'
RATE: Final = "[$__rate_interval]"
FRAMES_A_SECOND: Final = "suffix: frames/s"
CALLS_A_SECOND: Final = "suffix: calls/s"


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    text: str  # shown beside the title
    unit: str
    queries: tuple[Query, ...]
    width: int = 8  # of 24
    kind: str = "timeseries"  # or stat: one number
    stacked: bool = False
    most: float | None = None  # where the axis ends
    # From these on it is amber, then red: upwards, or downwards if red is the smaller one.
    limits: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


def quantiles(metric: str, by: str, where: str, *shares: float) -> tuple[Query, ...]:
    """
    >>> quantiles("x_seconds", "pool", 'a="b"', 0.99)[0].legend
    '{{pool}} p99'
    """
    queries = []
    for share in shares:
        labels = f"le, {by}" if by else "le"
        rates = f"sum by ({labels}) (rate({metric}_bucket{{{where}}}{RATE}))"
        legend = f"{{{{{by}}}}} p{share * 100:g}" if by else f"p{share * 100:g}"
        queries.append(Query(f"histogram_quantile({share}, {rates})", legend))
    return tuple(queries)


def rate(metric: str, by: str, where: str = SERVER, legend: str = "") -> Query:
    """
    >>> rate("x_total", "reason", 'a="b"')
    Query(expr='sum by (reason) (rate(x_total{a="b"}[$__rate_interval]))', legend='{{reason}}')
    """
    shown = legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
    grouped = f"sum by ({by})" if by else "sum"
    return Query(f"{grouped} (rate({metric}{{{where}}}{RATE}))", shown)
