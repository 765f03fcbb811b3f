"""A record's rules, each broken alone and all at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from framesrv.errors import InvalidRecord


def check_rules(make: Callable[[], Any], broken: Mapping[str, Any]) -> None:
    """``make`` gives a valid record; ``broken`` has an invalid value for each field with a rule."""
    make().validate()
    for name, value in broken.items():
        assert _fields_refused(make, {name: value}) == [name]
    assert sorted(_fields_refused(make, broken)) == sorted(broken)


def _fields_refused(make: Callable[[], Any], values: Mapping[str, Any]) -> list[str]:
    record = make()
    for name, value in values.items():
        setattr(record, name, value)
    fields = [fault.field for fault in record.faults()]
    with pytest.raises(InvalidRecord) as caught:
        record.validate()
    text = str(caught.value)
    kind, _, rest = text.partition(": ")
    assert kind == type(record).__name__
    said = [re.fullmatch(r"([\w.]+) is .+ and must be .+", part) for part in rest.split("; ")]
    assert [match and match[1] for match in said] == fields
    assert len(text) < 200 * len(fields)
    return fields
