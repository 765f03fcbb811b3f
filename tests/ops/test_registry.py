from __future__ import annotations

from dataclasses import fields

import pytest

from framesrv.ops.registry import OPS
from framesrv.ops.resize import Fit, Interpolation
from framesrv.protocol.gen import frames_pb2


def test_the_names_are_the_wires_in_its_order() -> None:
    numbers = {each.name: each.number for each in frames_pb2.Op.DESCRIPTOR.fields}
    assert list(OPS) == sorted(numbers, key=lambda name: numbers[name])


@pytest.mark.parametrize("name", OPS)
def test_the_fields_are_those_of_the_message(name: str) -> None:
    kind = OPS[name]
    message = frames_pb2.Op.DESCRIPTOR.fields_by_name[name].message_type
    assert message is not None
    assert kind.__name__ == message.name
    assert [each.name for each in fields(kind)] == [each.name for each in message.fields]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", OPS)
def test_defaults_are_those_of_an_empty_message(name: str) -> None:
    kind = OPS[name]
    message = getattr(frames_pb2, kind.__name__)()
    for each in fields(kind):  # type: ignore[arg-type]
        empty = getattr(message, each.name)
        assert getattr(kind(), each.name) == (() if each.name == "options" else empty)


def test_the_numbers_are_the_wires() -> None:
    for kind in (Interpolation, Fit):
        wire = getattr(frames_pb2, kind.__name__).items()
        assert {f"{kind.__name__.upper()}_{each.name}": each.value for each in kind} == dict(wire)
