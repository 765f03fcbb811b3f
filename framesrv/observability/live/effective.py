"""The configuration that holds, for those who look at the dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from framesrv.pool.budget import ByteBudget


class EffectiveSetting(NamedTuple):
    """As texts. Of a file there is only its name: where it lies concerns nobody who looks on."""

    name: str
    value: str
    origin: str


def configuration_json(settings: Iterable[EffectiveSetting], budget: ByteBudget) -> bytes:
    """With the most memory that the pools can take."""
    return json.dumps(
        {
            "settings": [setting._asdict() for setting in settings],
            "pools": [{"name": name, "bytes": count} for name, count in budget.named.items()],
            "elastic_bytes": budget.elastic_bytes,
            "budget_bytes": budget.total_bytes,
        }
    ).encode()
