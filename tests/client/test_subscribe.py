"""Subscriptions of both clients against scripted servers: what is asked, what comes, the sums."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framesrv.client import (
    AsyncFrameClient,
    Count,
    FrameClient,
    Gap,
    GoAway,
    Merge,
    MergedFrame,
    Mosaic,
    Result,
    StreamEvent,
)
from framesrv.client.account import Account
from framesrv.protocol.gen import frames_pb2 as pb
from tests.client.conftest import Async, Sync
from tests.client.scripted import (
    Items,
    closing,
    event,
    missed,
    open_until_left,
    sequences,
    serving,
    shown,
    watching,
)

MERGED = pb.MergedFrame(
    merge_id="m",
    window_open_ns=100,
    window_close_ns=200,
    complete=True,
    fragments=[shown(7).frame, shown(3, "yard").frame],
    mosaic=pb.OutputImage(name="mosaic", encoding=pb.ENCODING_PNG, data=b"png"),
)


def everything(request: pb.SubscribeRequest, context: Any) -> Items:
    yield event("started")
    yield shown(0)
    yield pb.SubscribeResponse()  # of a newer server
    yield missed(3)
    yield shown(4)
    yield pb.SubscribeResponse(merged=MERGED)
    yield event("ended")
    yield closing()
    open_until_left(context)


def test_each_kind_of_item_has_its_type(driver: type[Sync | Async]) -> None:
    with serving(watching(everything)) as address:
        got, subscription = driver.subscribe(address, "door", take=7)
    started, first, gap, second, merged, ended, goodbye = got
    assert started == StreamEvent("door", "started")
    assert isinstance(first, Result)
    assert (first.stream_id, first.sequence, second.sequence) == ("door", 0, 4)
    assert gap == Gap("door", 3)
    assert isinstance(merged, MergedFrame)
    assert (merged.merge_id, merged.window_open_ns, merged.window_close_ns) == ("m", 100, 200)
    assert merged.complete
    assert sequences(list(merged.fragments)) == [7, 3]
    assert merged.of("yard") is merged.fragments[1]
    assert merged.of("gate") is None
    assert merged.mosaic is not None
    assert (merged.mosaic.encoding, merged.mosaic.bytes) == ("png", b"png")
    assert ended == StreamEvent("door", "ended")
    assert goodbye == GoAway("new version", 0.0)
    assert subscription.total == Count(4, 3)
    assert subscription.total.received == 7
    assert subscription.streams == {"door": Count(3, 3), "yard": Count(1, 0)}


@pytest.mark.parametrize(("only", "kind"), [("frames", Result), ("merged", MergedFrame)])
def test_one_kind_alone_can_be_taken_and_the_rest_is_counted(
    driver: type[Sync | Async], only: str, kind: type
) -> None:
    got: list[Any] = []
    with serving(watching(everything)) as address:
        _, subscription = driver.subscribe(
            address, "door", got=got, only=only, take=2 if kind is Result else 1
        )
    assert {type(item) for item in got} == {kind}
    assert subscription.streams["door"].missed == 3


def test_the_subscription_is_asked_for_as_told(driver: type[Sync | Async]) -> None:
    asked: list[pb.SubscribeRequest] = []

    def noting(request: pb.SubscribeRequest, context: Any) -> Items:
        asked.append(request)
        yield shown(0)
        open_until_left(context)

    with serving(watching(noting)) as address:
        mosaic = Mosaic(640, 360, columns=2, encoding="png")
        driver.subscribe(
            address, "door", "yard", outputs=["small"], queue_frames=9, wait=True,
            merge=Merge(0.1, lateness_s=0.25, mosaic=mosaic), take=1,
        )  # fmt: skip
        driver.subscribe(address, all_streams=True, take=1)
        driver.subscribe(address, "door", merge=Merge(2), take=1)
    expected = pb.SubscribeRequest(
        stream_ids=["door", "yard"],
        output_names=["small"],
        queue_frames=9,
        wait=True,
        merge=pb.MergeWindow(
            mosaic=pb.Mosaic(columns=2, width=640, height=360, encoding=pb.ENCODING_PNG)
        ),
    )
    expected.merge.length.FromMilliseconds(100)
    expected.merge.lateness.FromMilliseconds(250)
    assert asked[0] == expected
    assert asked[1] == pb.SubscribeRequest()
    assert asked[2].merge.lateness.ToMilliseconds() == 300
    assert not asked[2].merge.HasField("mosaic")


@pytest.mark.parametrize(
    ("streams", "options", "told"),
    [
        ((), {}, "name the streams, or ask for all_streams=True"),
        (("door",), {"all_streams": True}, "not both"),
        (("door", "door"), {}, "twice: 'door'"),
        (("",), {}, "a stream's id is empty"),
        ((["door"],), {}, r"subscribe\(\*ids\)"),
        ((), {"all_streams": True, "merge": Merge(1)}, "needs its streams by name"),
        (("door",), {"outputs": "small"}, r"list of names: \['small'\]"),
        (("door",), {"outputs": ["a", "a"]}, "twice: 'a'"),
        (("door",), {"queue_frames": 0}, "queue_frames must be a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(
    streams: Any, options: dict[str, Any], told: str
) -> None:
    with FrameClient("127.0.0.1:1") as client, pytest.raises((ValueError, TypeError), match=told):
        client.subscribe(*streams, **options)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Merge(0), "length_s must be above 0"),
        (lambda: Merge(float("nan")), "length_s must be above 0"),
        (lambda: Merge(1, lateness_s=-1), "lateness_s must be 0 or more"),
        (lambda: Mosaic(0, 10), "width must be a whole number, 1 or more"),
        (lambda: Mosaic(10, 10, columns=-1), "columns must be a whole number, 0 or more"),
        (lambda: Mosaic(10, 10, encoding="gif"), "encoding must be one of jpeg"),
    ],
)
def test_a_merge_that_cannot_be_is_refused_where_it_is_written(make: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        make()


def test_once_the_block_is_entered_the_server_has_taken_it(driver: type[Sync | Async]) -> None:
    taken: list[str] = []

    def slow_to_take(request: pb.SubscribeRequest, context: Any) -> Items:
        taken.extend(request.stream_ids)
        context.send_initial_metadata(())
        open_until_left(context)
        yield shown(0)

    with serving(watching(slow_to_take)) as address:
        if driver is Sync:
            with FrameClient(address) as client, client.subscribe("door"):
                assert taken == ["door"]
        else:

            async def main() -> None:
                async with AsyncFrameClient(address) as client, client.subscribe("door"):
                    assert taken == ["door"]

            asyncio.run(main())
    assert taken == ["door"]


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 9)), max_size=30
    )  # 0: a frame; n: so many are missed
)
def test_received_is_what_was_delivered_and_the_gaps(story: list[tuple[str, int]]) -> None:
    account = Account()
    for stream, number in story:
        account.take(missed(number, stream) if number else shown(0, stream))
    sums = Count(
        sum(each.delivered for each in account.streams.values()),
        sum(each.missed for each in account.streams.values()),
    )
    assert account.total == sums
    assert sums.received == sum(number or 1 for _, number in story)


def test_the_account_of_ids_without_end_is_bounded() -> None:
    account = Account()
    for number in range(5000):
        account.take(shown(0, f"stream-{number}"))
    assert account.total.delivered == 5000
    assert len(account.streams) == 4096
    assert "stream-4999" in account.streams
