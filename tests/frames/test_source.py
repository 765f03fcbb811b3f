from __future__ import annotations

from typing import Any

import pytest

from framesrv.errors import InvalidRecord
from framesrv.frames import Codec, Envelope, SourceFrame
from tests.frames.breaking import check_rules


def envelope() -> Envelope:
    return Envelope(connection_id="c", received_at_ns=1, data=memoryview(b"x"))


def test_the_numbers_are_the_wires() -> None:
    assert [f"{c.name}={c.value}" for c in Codec] == ["UNSPECIFIED=0", "JPEG=1", "PNG=2", "WEBP=3"]


@pytest.mark.parametrize("not_positive", [0, -1, None, "1"])
@pytest.mark.parametrize("no_text", ["", None, 5])
@pytest.mark.parametrize("no_data", [None, b"bytes"])
def test_the_rules_of_an_envelope(not_positive: Any, no_text: Any, no_data: Any) -> None:
    broken = {"connection_id": no_text, "data": no_data, "received_at_ns": not_positive}
    check_rules(envelope, broken)


def test_an_empty_message_is_a_message() -> None:
    record = envelope()
    record.data = memoryview(b"")
    record.validate()


@pytest.mark.parametrize("not_positive", [0, -1, None, "1"])
def test_the_rules_of_a_source_frame(not_positive: Any) -> None:
    check_rules(lambda: SourceFrame(received_at_ns=1), {"received_at_ns": not_positive})


def test_a_source_frame_leaves_its_payload_to_the_codec() -> None:
    SourceFrame(received_at_ns=1, codec=99, payload=memoryview(b"junk")).validate()


def test_a_payload_is_shown_by_its_length() -> None:
    record = envelope()
    record.data = b"secret" * 1000  # type: ignore[assignment]
    with pytest.raises(InvalidRecord, match=r"data is 6000 bytes and must be a memoryview") as e:
        record.validate()
    assert "secret" not in str(e.value)
