"""Addresses as they are written, and who can reach them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.errors import BadConfig
from framesrv.transport.address import Address


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1:50051", True),
        ("127.9.9.9:1", True),
        ("localhost:0", True),
        ("[::1]:65535", True),
        ("unix:/run/framesrv.sock", True),
        ("unix:relative.sock", True),
        ("0.0.0.0:50051", False),
        ("[::]:50051", False),
        ("10.0.0.1:50051", False),
        ("example.org:50051", False),
        ("localhost.example.org:1", False),
    ],
)
def test_it_reads_as_it_was_written(text: str, loopback: bool) -> None:
    address = Address.parse(text)
    assert str(address) == text
    assert address.is_loopback is loopback
    assert Address.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        ":1",
        "host",
        "host:",
        "host:port",
        "host:-1",
        "host:65536",
        "host:٣",
        "h:1 ",
        "unix:",
        "unix:/",
        "unix:" + "x" * 108,
        "host:" + "9" * 5000,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadConfig) as refusal:
        Address.parse(text)
    assert len(str(refusal.value)) < 400


def test_a_path_may_have_107_bytes() -> None:
    assert Address.parse("unix:" + "x" * 107).path == "x" * 107
    with pytest.raises(BadConfig, match="108 bytes"):
        Address.parse("unix:" + "é" * 54)


def test_the_port_that_was_picked() -> None:
    assert str(Address.parse("[::1]:0").with_port(7)) == "[::1]:7"


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = Address.parse(text)
    except BadConfig:
        return
    assert Address.parse(str(address)) == address
