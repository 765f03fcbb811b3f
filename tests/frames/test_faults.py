from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import InvalidRecord
from framesrv.frames.faults import Fault, refuse, short
from framesrv.frames.layout import PixelFormat

ANYTHING = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.text(max_size=200),
    st.binary(max_size=200),
    st.lists(st.text(max_size=100), max_size=30),
    st.lists(st.integers(), max_size=30).map(tuple),
)


@given(ANYTHING)
def test_a_value_is_shown_in_few_characters_on_one_line(value: Any) -> None:
    text = short(value)
    assert 0 < len(text) <= 500
    assert "\n" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (PixelFormat.NV12, "NV12 (6)"),
        (10**5000, "an integer of 16610 bits"),
        ((720, 1280, 3), "(720, 1280, 3)"),
        (tuple(range(100)), "a tuple of 100"),
        ({}, "a dict of 0"),
        (memoryview(b"12345678"), "8 bytes"),
        (memoryview(b"12345678").cast("I"), "8 bytes"),
        (bytearray(3), "3 bytes"),
        (0.5, "0.5"),
        (object(), "a object"),
        ("x" * 40, repr("x" * 40)),
        ("x" * 41, repr("x" * 40) + "... (41 characters)"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_how_values_are_shown(value: Any, text: str) -> None:
    assert short(value) == text


def test_without_faults_nothing_is_refused() -> None:
    refuse("Thing", [])


def test_every_fault_is_named() -> None:
    faults = [Fault("a", 1, "2"), Fault("b", "", "set")]
    with pytest.raises(InvalidRecord) as caught:
        refuse("Thing", faults)
    assert str(caught.value) == "Thing: a is 1 and must be 2; b is '' and must be set"
