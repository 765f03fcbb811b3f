"""The last trouble of each reason, kept by several threads and read as one."""

from __future__ import annotations

from framesrv.engine.troubles import Troubles, joined


def test_counts_add_up_and_the_newest_is_told() -> None:
    one, two = Troubles(), Troubles()
    one.note("IMAGE_CORRUPT", "cut", stream_id="a")
    one.note("QUEUE_FULL", "full")
    two.note("IMAGE_CORRUPT", "junk", stream_id="b", request_id="r", trace_id="t")
    total = joined([two, one])
    assert total.counts == {"IMAGE_CORRUPT": 2, "QUEUE_FULL": 1}
    last = total.last["IMAGE_CORRUPT"]
    assert (last.text, last.stream_id, last.request_id, last.trace_id) == ("junk", "b", "r", "t")
    assert one.last["IMAGE_CORRUPT"].text == "cut", "the parts stay as they are"


def test_what_clients_chose_to_be_long_is_cut() -> None:
    troubles = Troubles()
    troubles.note("X", "t" * 10_000, stream_id="s" * 10_000, request_id="r" * 10_000)
    last = troubles.last["X"]
    assert (len(last.text), len(last.stream_id), len(last.request_id)) == (500, 128, 128)
